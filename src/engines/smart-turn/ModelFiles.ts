/**
 * The model's files in `model/`, their pins, and the wheel that they come from.
 *
 * @since 0.1.0
 */
import type { FilePin, Wheel } from "../local/ModelFile.ts"

/**
 * The wheel on PyPI. Of its files only these are used.
 *
 * @category constants
 * @since 0.1.0
 */
export const wheel: Wheel = {
  package: "pipecat-ai",
  version: "1.14.0",
  file: "pipecat_ai-1.14.0-py3-none-any.whl",
  bytes: 12_109_725,
  sha256: "0352f504b44e78bdf524e45af4bc759601c835b9b7dc195efe5e03384b974a44",
  directory: "pipecat/audio/turn/smart_turn/data",
  licences: "pipecat_ai-1.14.0.dist-info/licenses"
}

/**
 * The text of the licence. Beside it is a `NOTICE`, which is ours.
 *
 * @category constants
 * @since 0.1.0
 */
export const licences = {
  LICENSE: { bytes: 1_301, sha256: "e31a733ecb79cbffafd5474e964e5eca15e0a0876a42b1d7253b51b198eb61aa" }
} as const satisfies Record<string, FilePin>

/**
 * The model: Smart Turn v3.2 with weights of 8 bits.
 *
 * @category constants
 * @since 0.1.0
 */
export const files = {
  "smart-turn-v3.2-cpu.onnx": {
    bytes: 8_679_182,
    sha256: "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f"
  }
} as const satisfies Record<string, FilePin>
