/** Repeatable random numbers: the same seed gives the same sequence (sfc32). */
export class Chance {
  #a: number
  #b: number
  #c: number
  #d = 1

  constructor(seed: string) {
    // FNV-1a, with three different offsets.
    const hash = (start: number) => {
      let h = start
      for (let i = 0; i < seed.length; i++) h = Math.imul(h ^ seed.charCodeAt(i), 16_777_619)
      return h >>> 0
    }
    this.#a = hash(0x811c9dc5)
    this.#b = hash(0x9e3779b9)
    this.#c = hash(0x85ebca6b)
    for (let i = 0; i < 12; i++) this.word()
  }

  /** 32 bits. */
  word(): number {
    const t = (this.#a + this.#b + this.#d) >>> 0
    this.#d = (this.#d + 1) >>> 0
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0
    this.#b = (this.#c + (this.#c << 3)) >>> 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) >>> 0
    return t
  }

  /** 0 … n - 1. */
  below(n: number): number {
    return n <= 1 ? 0 : this.word() % n
  }

  /** 0 … n - 1, small numbers more often than large ones. */
  small(n: number): number {
    return this.below(1 + this.below(1 + this.below(n)))
  }

  /** True once in n. */
  one(n: number): boolean {
    return this.word() % n === 0
  }

  pick<A>(list: ReadonlyArray<A>): A {
    const item = list[this.below(list.length)]
    if (item === undefined) throw new Error("nothing to pick from")
    return item
  }
}
