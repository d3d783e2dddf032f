/**
 * Canaries: texts that must not come out of a program, and a scanner for all that comes out of it.
 *
 * A `held` canary is a secret that the program was given, in a config or an environment: it may come out nowhere. A `said` canary is what
 * the application's code says when it fails: it is for the log and for operators, and must be in the log.
 */
import { createHash } from "node:crypto"

export type Kind = "held" | "said"

/** In every canary, so that a text without it need not be looked at for each of them. */
const MARK = "Zq7XwKj93vT"

/** The same text in any process: the mark at both ends, in case one of them is cut off. */
const textOf = (kind: Kind, name: string): string => {
  const own = createHash("sha256").update(`${kind} ${name}`).digest("hex").slice(0, 16)
  return `${kind}${MARK}${own}${MARK}${own.toUpperCase()}`
}

/** As much of a text as base64 has of it, whatever stands before it. */
const base64Of = (text: string): ReadonlyArray<string> =>
  [0, 1, 2].map((before) => {
    const encoded = Buffer.from("x".repeat(before) + text).toString("base64")
    return encoded.slice(4, 4 + Math.floor((text.length - 6) / 3) * 4)
  })

const ownOf = (
  text: string
): readonly [string, string] => [text.slice(4 + MARK.length, -16 - MARK.length), text.slice(-16)]

/** The forms of a text that are looked for: half of it as well, for one that was cut. */
const formsOf = (text: string): ReadonlyArray<string> => [
  ...ownOf(text),
  Buffer.from(text).toString("hex").slice(8, -8),
  ...base64Of(text)
]

const marks = [MARK, Buffer.from(MARK).toString("hex"), ...base64Of(MARK)]

export class Canaries {
  readonly #texts = new Map<string, string>()
  readonly #forms = new Map<string, ReadonlyArray<string>>()
  readonly #outlets = new Set<string>()
  /** The outlets at which a canary has come out, with what stands around it. */
  readonly #found = new Map<string, Map<string, string>>()

  #make(kind: Kind, name: string): string {
    const text = textOf(kind, name)
    this.#texts.set(`${kind} ${name}`, text)
    this.#forms.set(`${kind} ${name}`, formsOf(text))
    return text
  }

  /** A secret that the program holds. */
  held(name: string): string {
    return this.#make("held", name)
  }

  /** The words of a failure. */
  said(name: string): string {
    return this.#make("said", name)
  }

  /** One that is not made after all. */
  forget(name: string): void {
    this.#texts.delete(`said ${name}`)
  }

  /** All secrets, as a library that repeats what it was given. */
  get everyHeld(): string {
    return [...this.#texts].filter(([name]) => name.startsWith("held")).map(([, text]) => text).join(" ")
  }

  /** What came out, and where: the outlet, a colon, and what helps to find the place. */
  hear(outlet: string, text: string): void {
    this.#outlets.add(outlet.split(":")[0] ?? outlet)
    for (const [name, at] of this.in(text)) {
      const places = this.#found.get(name) ?? new Map<string, string>()
      this.#found.set(name, places.set(outlet, text.slice(Math.max(0, at - 160), at + 80)))
    }
  }

  /** Where something was heard at all. */
  get outlets(): ReadonlyArray<string> {
    return [...this.#outlets].toSorted()
  }

  /** The names of the canaries in a text, and where they stand. */
  in(text: string): ReadonlyArray<readonly [name: string, at: number]> {
    if (!marks.some((mark) => text.includes(mark))) return []
    return [...this.#forms].flatMap(([name, forms]) => {
      const at = forms.map((form) => text.indexOf(form)).find((index) => index >= 0)
      return at === undefined ? [] : [[name, at] as const]
    })
  }

  /** Which canaries have come out where they must not: `said` may in a `log`, and to an `operator`. */
  leaks(): ReadonlyArray<string> {
    return [...this.#found].flatMap(([name, places]) =>
      [...places].flatMap(([outlet, text]) =>
        name.startsWith("said") && /^(?:log|operator)/u.test(outlet) ? [] : [`${name} at ${outlet}: …${text}…`]
      )
    )
  }

  /** The words of failures that are in no log: nobody could find their cause. */
  untold(): ReadonlyArray<string> {
    return [...this.#texts.keys()].filter((name) =>
      name.startsWith("said") && ![...this.#found.get(name)?.keys() ?? []].some((outlet) => outlet.startsWith("log"))
    )
  }
}
