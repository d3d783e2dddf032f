/**
 * The messages between an agent worker and livekit-server: protobuf as JSON in text frames, which the server answers in kind.
 *
 * Enums go by name, defaults are left out, and what is not known is ignored, as protobuf asks for. Only the fields that are
 * used are decoded. Pure: text in, plain data out.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * What a worker takes jobs for: a room, each participant who joins, or each participant who publishes.
 *
 * @category models
 * @since 0.1.0
 */
export const JobType = Schema.Literals(["JT_ROOM", "JT_PARTICIPANT", "JT_PUBLISHER"])

/**
 * @category models
 * @since 0.1.0
 */
export type JobType = typeof JobType.Type

/**
 * The state of a job, as a worker reports it.
 *
 * @category models
 * @since 0.1.0
 */
export const JobStatus = Schema.Literals(["JS_RUNNING", "JS_SUCCESS", "JS_FAILED"])

/**
 * @category models
 * @since 0.1.0
 */
export type JobStatus = typeof JobStatus.Type

/**
 * The longest message that is read, in characters: 1 Mi. LiveKit's own limit of metadata is 64,000 bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_MESSAGE_CHARACTERS = 1_048_576

const MAX_TOKEN_CHARACTERS = 65_536

const Id = Schema.NonEmptyString.check(Schema.isMaxLength(256))
const Name = Schema.NonEmptyString.check(Schema.isMaxLength(1_024))

/**
 * A participant, as far as it is used.
 *
 * @category models
 * @since 0.1.0
 */
export const JobParticipant = Schema.Struct({
  identity: Name,
  sid: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(256))),
  name: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1_024))),
  attributes: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
})

/**
 * @category models
 * @since 0.1.0
 */
export type JobParticipant = typeof JobParticipant.Type

/**
 * A job: an agent is wanted in a room. `participant` is the one who joined or published, `metadata` that of the dispatch.
 *
 * @category models
 * @since 0.1.0
 */
export const Job = Schema.Struct({
  id: Id,
  dispatchId: Schema.optionalKey(Id),
  room: Schema.Struct({ name: Name }),
  participant: Schema.optionalKey(JobParticipant),
  metadata: Schema.optionalKey(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Job = typeof Job.Type

const ServerJson = Schema.fromJsonString(Schema.Struct({
  register: Schema.optionalKey(Schema.Struct({ workerId: Id })),
  availability: Schema.optionalKey(Schema.Struct({ job: Job })),
  assignment: Schema.optionalKey(Schema.Struct({
    job: Job,
    url: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(2_048))),
    token: Schema.NonEmptyString.check(Schema.isMaxLength(MAX_TOKEN_CHARACTERS))
  })),
  termination: Schema.optionalKey(Schema.Struct({ jobId: Id }))
}))

const decodeJson = Schema.decodeUnknownOption(ServerJson)

/**
 * A message of the server.
 *
 * - `Registered`: the worker is known to the server.
 * - `Asked`: can it take this job? To be answered within 10 s.
 * - `Assigned`: the job is the worker's; `token` lets the agent join the room.
 * - `Terminated`: the job is over: its dispatch was deleted, its room closed, or its agent has left.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerMessage =
  | { readonly _tag: "Registered"; readonly worker: string }
  | { readonly _tag: "Asked"; readonly job: Job }
  | { readonly _tag: "Assigned"; readonly job: Job; readonly token: string; readonly url: string | undefined }
  | { readonly _tag: "Terminated"; readonly job: string }

/**
 * Decodes a message: `unknown` is one of another kind, which a newer server may send, `malformed` is none that can be read.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (text: string): ServerMessage | "unknown" | "malformed" => {
  if (text.length > MAX_MESSAGE_CHARACTERS) return "malformed"
  const decoded = decodeJson(text)
  if (Option.isNone(decoded)) return "malformed"
  const { assignment, availability, register, termination } = decoded.value
  if (register !== undefined) return { _tag: "Registered", worker: register.workerId }
  if (availability !== undefined) return { _tag: "Asked", job: availability.job }
  if (assignment !== undefined) {
    return { _tag: "Assigned", job: assignment.job, token: assignment.token, url: assignment.url }
  }
  return termination === undefined ? "unknown" : { _tag: "Terminated", job: termination.jobId }
}

/**
 * What the agents of a worker may do in a room.
 *
 * @category models
 * @since 0.1.0
 */
export const Permissions = Schema.Struct({
  canSubscribe: Schema.Boolean,
  canPublish: Schema.Boolean,
  canPublishData: Schema.Boolean,
  canUpdateMetadata: Schema.Boolean
})

/**
 * A message of the worker.
 *
 * - `register`: the first; within 10 s of the connection.
 * - `updateWorker`: its load from 0 to 1, and whether it takes jobs at all.
 * - `availability`: the answer to a question: the participant that the agent will be, or no.
 * - `updateJob`: how a job is going.
 *
 * @category models
 * @since 0.1.0
 */
export const WorkerMessage = Schema.Union([
  Schema.Struct({
    register: Schema.Struct({
      type: JobType,
      agentName: Schema.String,
      version: Schema.String,
      allowedPermissions: Permissions
    })
  }),
  Schema.Struct({
    updateWorker: Schema.Struct({
      status: Schema.Literals(["WS_AVAILABLE", "WS_FULL"]),
      load: Schema.Finite,
      jobCount: Schema.Int
    })
  }),
  Schema.Struct({
    availability: Schema.Struct({
      jobId: Schema.String,
      available: Schema.Boolean,
      participantIdentity: Schema.optionalKey(Schema.String),
      participantName: Schema.optionalKey(Schema.String),
      participantAttributes: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
    })
  }),
  Schema.Struct({
    updateJob: Schema.Struct({ jobId: Schema.String, status: JobStatus, error: Schema.optionalKey(Schema.String) })
  })
])

/**
 * @category models
 * @since 0.1.0
 */
export type WorkerMessage = typeof WorkerMessage.Type

/**
 * The text of a message.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode: (message: WorkerMessage) => string = Schema.encodeSync(Schema.fromJsonString(WorkerMessage))
