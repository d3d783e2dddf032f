/** Loaded before the command line (`--import`): adds the scripted engines to those that a config may name. */
import { engines } from "../../src/builtin/Engines.ts"
import * as NamedParts from "../../src/testing/conformance/NamedParts.ts"

for (const kind of ["stt", "tts", "vad"] as const) Object.assign(engines[kind], NamedParts.engines[kind])
