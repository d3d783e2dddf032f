/**
 * `node --import ./scripts/bench/WithoutNative.mjs …`: a process, and its workers, in which `onnxruntime-node` is not installed.
 * `npm run bench -- turns --runtime web` measures so.
 *
 * @since 0.1.0
 */
import { registerHooks } from "node:module"

registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier !== "onnxruntime-node") return next(specifier, context)
    throw Object.assign(new Error(`Cannot find package '${specifier}'`), { code: "ERR_MODULE_NOT_FOUND" })
  }
})
