import { Effect } from "effect"
import type { Surface } from "./Surface.ts"
import { binaryMedia } from "./surfaces/BinaryMedia.ts"
import { config } from "./surfaces/Config.ts"
import { webSocketFrames } from "./surfaces/Frames.ts"
import { archive, rtp, sdp, wav } from "./surfaces/Media.ts"
import { mediaStreams } from "./surfaces/MediaStreams.ts"
import { openAiEvents } from "./surfaces/OpenAi.ts"
import { pipecatFrames } from "./surfaces/Pipecat.ts"
import * as Protocol from "./surfaces/Protocol.ts"
import { spokenText } from "./surfaces/Spoken.ts"
import { token } from "./surfaces/Token.ts"

/** All surfaces that need no server, each with its share of the inputs. */
export const surfaces: Effect.Effect<ReadonlyArray<readonly [surface: Surface, share: number]>> = Effect.gen(
  function*() {
    return [
      [yield* Protocol.clientMessage, 200],
      [yield* Protocol.serverMessage, 150],
      [yield* Protocol.sessionEvent, 80],
      [yield* Protocol.sessionRequest, 60],
      [Protocol.metadata, 80],
      [webSocketFrames, 120],
      [pipecatFrames, 120],
      [openAiEvents, 120],
      [mediaStreams, 100],
      [binaryMedia, 60],
      [sdp, 120],
      [wav, 80],
      [rtp, 60],
      [archive, 60],
      [config, 30],
      [yield* token, 40],
      [spokenText, 40]
    ]
  }
)
