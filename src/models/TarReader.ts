/**
 * Reads a tar archive as it arrives, without keeping it: entry headers, their bytes, the end.
 *
 * Pure and synchronous; one reader serves one archive and belongs to its caller. It writes nothing, follows nothing and
 * interprets no path: which entry goes where is the caller's decision. Extended headers (pax, GNU long names) are
 * skipped, so an entry that needs one is simply not found under its name. `bytes` views in events are only valid until
 * the pushed chunk is reused.
 *
 * @since 0.1.0
 */

/**
 * What was found in the archive. `Entry` opens an entry; `type` is tar's flag (`"0"` a regular file).
 *
 * @category models
 * @since 0.1.0
 */
export type TarEvent =
  | { readonly _tag: "Entry"; readonly path: string; readonly size: number; readonly type: string }
  | { readonly _tag: "Data"; readonly bytes: Uint8Array }
  | { readonly _tag: "End" }

/**
 * Limits of an archive: it fails beyond them. The defaults hold the largest package in use ten times over.
 *
 * @category models
 * @since 0.1.0
 */
export interface TarLimits {
  /** Defaults to 10,000. */
  readonly maxEntries?: number | undefined
  /** Sum of the unpacked sizes in bytes; defaults to 2 GiB. */
  readonly maxBytes?: number | undefined
}

const blockSize = 512
const decoder = new TextDecoder()

const text = (block: Uint8Array, offset: number, length: number): string => {
  let end = offset
  while (end < offset + length && block[end] !== 0) end++
  return decoder.decode(block.subarray(offset, end))
}

const octal = (block: Uint8Array, offset: number, length: number): number => {
  const digits = text(block, offset, length).trim()
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : -1
}

/**
 * A streaming reader of ustar archives. `push` returns the events of a chunk, or a sentence that says what is wrong with
 * the archive; after that, and after the end, it returns nothing more.
 *
 * @category constructors
 * @since 0.1.0
 */
export class TarReader {
  private readonly header = new Uint8Array(blockSize)
  private readonly maxEntries: number
  private readonly maxBytes: number
  private filled = 0
  private data = 0
  private padding = 0
  private entries = 0
  private bytes = 0
  private open = false
  private finished = false

  constructor(limits: TarLimits = {}) {
    this.maxEntries = limits.maxEntries ?? 10_000
    this.maxBytes = limits.maxBytes ?? 2 ** 31
  }

  /** Whether the archive's end mark, or a clean end of an entry, was reached. */
  get complete(): boolean {
    return this.finished || (this.filled === 0 && !this.open && this.entries > 0)
  }

  push(chunk: Uint8Array): Array<TarEvent> | string {
    const events: Array<TarEvent> = []
    let at = 0
    while (at < chunk.length && !this.finished) {
      if (this.data > 0) {
        const n = Math.min(this.data, chunk.length - at)
        events.push({ _tag: "Data", bytes: chunk.subarray(at, at + n) })
        this.data -= n
        at += n
      } else if (this.padding > 0) {
        const n = Math.min(this.padding, chunk.length - at)
        this.padding -= n
        at += n
      } else {
        const n = Math.min(blockSize - this.filled, chunk.length - at)
        this.header.set(chunk.subarray(at, at + n), this.filled)
        this.filled += n
        at += n
        if (this.filled === blockSize) {
          this.filled = 0
          const fault = this.enter(events)
          if (fault !== undefined) {
            this.finished = true
            return fault
          }
        }
      }
      if (this.open && this.data === 0) {
        this.open = false
        events.push({ _tag: "End" })
      }
    }
    return events
  }

  private enter(events: Array<TarEvent>): string | undefined {
    const block = this.header
    let sum = 0
    for (let i = 0; i < blockSize; i++) sum += i >= 148 && i < 156 ? 32 : block[i]!
    if (sum === 8 * 32) { // an empty block: the end
      this.finished = true
      return undefined
    }
    if (octal(block, 148, 8) !== sum) return `entry ${this.entries + 1} has a header with a wrong checksum`
    const size = octal(block, 124, 12)
    if (size < 0) return `entry ${this.entries + 1} has no readable size`
    this.bytes += size
    if (++this.entries > this.maxEntries) return `it has more than ${this.maxEntries} entries`
    if (this.bytes > this.maxBytes) return `it unpacks to more than ${this.maxBytes} bytes`
    const prefix = text(block, 257, 5) === "ustar" ? text(block, 345, 155) : ""
    const name = text(block, 0, 100)
    const flag = block[156] === 0 ? "0" : String.fromCharCode(block[156]!)
    this.data = size
    this.padding = (blockSize - (size % blockSize)) % blockSize
    this.open = true
    events.push({ _tag: "Entry", path: prefix === "" ? name : `${prefix}/${name}`, size, type: flag })
    return undefined
  }
}
