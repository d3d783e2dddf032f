/**
 * The 13 WASI calls that flite uses, implemented on memory: no file is written, and `node:wasi`, which prints a warning, is
 * not needed. Every path that the program opens is the same in-memory file.
 *
 * @since 0.1.0
 */

interface Memory {
  readonly buffer: ArrayBuffer
}

/**
 * A compiled WebAssembly module.
 *
 * @category models
 * @since 0.1.0
 */
export interface Program {
  readonly customSections?: never
}

interface WebAssemblyApi {
  readonly Module: new(bytes: Uint8Array) => Program
  readonly Instance: new(program: Program, imports: object) => {
    readonly exports: { readonly memory: Memory; readonly _start: () => void }
  }
}

// Node has the global, but only the DOM's types declare it.
const { Instance, Module } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly

/**
 * Compiles a WebAssembly module; synchronous, 20 ms for flite.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compile = (bytes: Uint8Array): Program => new Module(bytes)

/**
 * The result of a run: the exit code, the file's content, and stdout and stderr together.
 *
 * @category models
 * @since 0.1.0
 */
export interface Run {
  readonly code: number
  readonly file: Uint8Array
  readonly log: string
}

const OK = 0
const EBADF = 8
const EFBIG = 22
const ESPIPE = 70

const DIRECTORY = 3
const FILE = 4

/** Thrown by `proc_exit` to end the program. */
class Exit {
  readonly code: number
  constructor(code: number) {
    this.code = code
  }
}

const maxLog = 4_096

/**
 * Runs a compiled program until it exits; synchronous. Writing more than `maxBytes` to the file fails inside the program.
 *
 * Throws what WebAssembly throws when the program traps.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (program: Program, args: ReadonlyArray<string>, maxBytes: number): Run => {
  const encoder = new TextEncoder()
  const argv = args.map((arg) => encoder.encode(`${arg.replaceAll("\0", " ")}\0`))
  let memory: Memory | undefined
  let file = new Uint8Array(1 << 17)
  let length = 0
  let position = 0
  let log = ""

  const buffer = () => memory!.buffer // set before the program runs
  const view = () => new DataView(buffer())

  const write = (bytes: Uint8Array): boolean => {
    const end = position + bytes.length
    if (end > maxBytes) return false
    if (end > file.length) {
      const larger = new Uint8Array(Math.max(2 * file.length, end))
      larger.set(file)
      file = larger
    }
    file.set(bytes, position)
    position = end
    length = Math.max(length, end)
    return true
  }

  const imports = {
    args_sizes_get: (count: number, size: number) => {
      view().setUint32(count, argv.length, true)
      view().setUint32(size, argv.reduce((sum, arg) => sum + arg.length, 0), true)
      return OK
    },
    args_get: (pointers: number, bytes: number) => {
      argv.forEach((arg, i) => {
        view().setUint32(pointers + 4 * i, bytes, true)
        new Uint8Array(buffer(), bytes, arg.length).set(arg)
        bytes += arg.length
      })
      return OK
    },
    clock_time_get: (_id: number, _precision: bigint, time: number) => {
      view().setBigUint64(time, 0n, true)
      return OK
    },
    fd_close: () => OK,
    fd_fdstat_get: (fd: number, stat: number) => {
      if (fd > FILE) return EBADF
      view().setUint8(stat, fd === DIRECTORY ? 3 : fd === FILE ? 4 : 2)
      view().setUint16(stat + 2, 0, true)
      view().setBigUint64(stat + 8, ~0n & 0xffffffffffffffffn, true)
      view().setBigUint64(stat + 16, ~0n & 0xffffffffffffffffn, true)
      return OK
    },
    fd_fdstat_set_flags: () => OK,
    fd_prestat_get: (fd: number, stat: number) => {
      if (fd !== DIRECTORY) return EBADF
      view().setUint8(stat, 0)
      view().setUint32(stat + 4, 1, true)
      return OK
    },
    fd_prestat_dir_name: (_fd: number, name: number) => {
      new Uint8Array(buffer(), name, 1)[0] = 0x2e // "."
      return OK
    },
    fd_read: (_fd: number, _vectors: number, _count: number, read: number) => {
      view().setUint32(read, 0, true)
      return OK
    },
    fd_seek: (fd: number, offset: bigint, whence: number, result: number) => {
      if (fd !== FILE) return ESPIPE
      const target = Number(offset) + (whence === 0 ? 0 : whence === 1 ? position : length)
      if (target < 0 || target > maxBytes) return EFBIG
      position = target
      view().setBigUint64(result, BigInt(position), true)
      return OK
    },
    fd_write: (fd: number, vectors: number, count: number, written: number) => {
      let total = 0
      for (let i = 0; i < count; i++) {
        const at = view().getUint32(vectors + 8 * i, true)
        const bytes = new Uint8Array(buffer(), at, view().getUint32(vectors + 8 * i + 4, true))
        if (fd !== FILE) log = (log + new TextDecoder().decode(bytes)).slice(0, maxLog)
        else if (!write(bytes)) return EFBIG
        total += bytes.length
      }
      view().setUint32(written, total, true)
      return OK
    },
    path_open: (...args: Array<number | bigint>) => {
      position = 0
      view().setUint32(Number(args[8]), FILE, true)
      return OK
    },
    proc_exit: (code: number) => {
      throw new Exit(code)
    }
  }

  const { exports } = new Instance(program, { wasi_snapshot_preview1: imports })
  memory = exports.memory
  let code = 0
  try {
    exports._start()
  } catch (cause) {
    if (!(cause instanceof Exit)) throw cause
    code = cause.code
  }
  return { code, file: file.subarray(0, length), log }
}
