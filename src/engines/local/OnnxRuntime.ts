/**
 * The ONNX runtime of the engines that run a model: `onnxruntime-node` (native, an optional package) where it is installed
 * and loads, otherwise `onnxruntime-web` (WebAssembly, the same on every platform and about four times slower). Of the latter
 * an installed effect-voice carries the three files that are used, 14 of 139 MB; the source tree has the package.
 *
 * Plain code without Effect, for worker threads: an inference blocks its thread. Both packages are loaded when a model is
 * needed, and both run on one thread. A native inference must not be terminated, which crashes the process.
 *
 * @since 0.1.0
 */

/**
 * An input or output of a model: its data, a typed array, and its dimensions.
 *
 * @category models
 * @since 0.1.0
 */
export interface OnnxTensor {
  readonly data: unknown
  readonly dims: ReadonlyArray<number>
}

/**
 * A loaded model.
 *
 * @category models
 * @since 0.1.0
 */
export interface OnnxSession {
  readonly inputNames: ReadonlyArray<string>
  readonly outputNames: ReadonlyArray<string>
  /** Runs the model on its inputs by name; returns its outputs by name. */
  readonly run: (inputs: Readonly<Record<string, OnnxTensor>>) => Promise<Readonly<Record<string, OnnxTensor>>>
}

/**
 * A loaded runtime.
 *
 * @category models
 * @since 0.1.0
 */
export interface OnnxRuntime {
  /** The package. */
  readonly packageName: string
  /** Why a runtime that is installed, and would have been preferred, is not used: it does not load. */
  readonly unusable: string | undefined
  /** Loads a model from the bytes of its file. They must be trusted: the native code does not survive every bad file. */
  readonly createSession: (model: Uint8Array) => Promise<OnnxSession>
  readonly float32: (data: Float32Array, dims: ReadonlyArray<number>) => OnnxTensor
  readonly int64: (data: BigInt64Array, dims: ReadonlyArray<number>) => OnnxTensor
}

/** What both packages export, which is the interface of `onnxruntime-common`. */
interface Module {
  readonly InferenceSession: { readonly create: (model: Uint8Array, options: object) => Promise<OnnxSession> }
  readonly Tensor: new(type: string, data: unknown, dims: ReadonlyArray<number>) => OnnxTensor
  readonly env: { logLevel?: string; readonly wasm?: { numThreads?: number; proxy?: boolean } }
}

/**
 * The package for WebAssembly.
 *
 * @category constants
 * @since 0.1.0
 */
export const WEB = "onnxruntime-web"

/**
 * The module of its copy, beside this one; in the source tree there is none.
 *
 * @category constants
 * @since 0.1.0
 */
export const CARRIED = "onnx/ort.wasm.min.mjs"

/**
 * The packages in the order of preference.
 *
 * @category constants
 * @since 0.1.0
 */
export const PACKAGES: ReadonlyArray<string> = ["onnxruntime-node", WEB]

const sessionOptions = {
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 3
}

const isNotFound = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"

/** What to import, in this order. */
const modulesOf = (packageName: string): ReadonlyArray<string> =>
  packageName === WEB ? [new URL(CARRIED, import.meta.url).href, `${WEB}/wasm`] : [packageName]

const importModule = async (packageName: string): Promise<Module> => {
  let absent: unknown
  for (const specifier of modulesOf(packageName)) {
    let loaded: Partial<Module> & { readonly default?: Partial<Module> }
    try {
      loaded = await import(/* webpackIgnore: true */ /* @vite-ignore */ specifier)
    } catch (cause) {
      if (!isNotFound(cause)) throw cause
      absent = cause
      continue
    }
    const { InferenceSession, Tensor, env } = loaded.InferenceSession === undefined ? loaded.default ?? {} : loaded
    if (InferenceSession === undefined || Tensor === undefined || env === undefined) {
      throw new Error(`${packageName} is not an ONNX runtime`)
    }
    return { InferenceSession, Tensor, env }
  }
  throw absent
}

const make = ({ InferenceSession, Tensor, env }: Module, packageName: string, unusable?: string): OnnxRuntime => {
  env.logLevel = "error"
  if (env.wasm !== undefined) {
    env.wasm.numThreads = 1
    env.wasm.proxy = false
  }
  return {
    packageName,
    unusable,
    createSession: (model) => InferenceSession.create(model, sessionOptions),
    float32: (data, dims) => new Tensor("float32", data, dims),
    int64: (data, dims) => new Tensor("int64", data, dims)
  }
}

/**
 * Loads the first of the packages that is installed and loads. Default: `PACKAGES`. If there is none, the promise is rejected
 * with the error of the last import, whose code is `ERR_MODULE_NOT_FOUND` where the package is not installed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = async (packages: ReadonlyArray<string> = PACKAGES): Promise<OnnxRuntime> => {
  let unusable: string | undefined
  let failure: unknown = new Error("no ONNX runtime is named")
  for (const packageName of packages) {
    try {
      return make(await importModule(packageName), packageName, unusable)
    } catch (cause) {
      failure = cause
      if (!isNotFound(cause)) unusable ??= (cause instanceof Error ? cause.message : String(cause)).split("\n", 1)[0]
    }
  }
  throw failure
}
