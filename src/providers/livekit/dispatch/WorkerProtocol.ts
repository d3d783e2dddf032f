/**
 * The jobs of an agent worker, from the server's question to the end of the call. Pure: an event gives the next state and what
 * is to be done.
 *
 * A job that is asked for gets a place first, and the answer then; without an assignment the place is given back. When the
 * socket closes the server forgets the worker's jobs: calls go on, and nothing more is said about them.
 *
 * @since 0.1.0
 */
import * as RoomName from "../room/RoomName.ts"
import type { Job, JobStatus, WorkerMessage } from "./AgentMessage.ts"

/**
 * `asking`: a place is being taken. `offered`: the server was told yes. `running`: its session is there, or starting.
 * `forgotten`: it runs, and the server does not know of it any more.
 *
 * @category models
 * @since 0.1.0
 */
export type Phase = "asking" | "offered" | "running" | "forgotten"

/**
 * The jobs by id.
 *
 * @category models
 * @since 0.1.0
 */
export type WorkerJobs = ReadonlyMap<string, Phase>

/**
 * - `Asked`, `Assigned`, `Terminated`: of the server.
 * - `Reserved`, `Refused`: there is a place, for a session of this id, or none.
 * - `Expired`: no assignment has come.
 * - `Ended`: the session has ended, or could not be started.
 * - `Lost`: the socket has closed.
 *
 * @category models
 * @since 0.1.0
 */
export type WorkerEvent =
  | { readonly _tag: "Asked"; readonly job: Job }
  | { readonly _tag: "Assigned"; readonly job: Job; readonly token: string; readonly url: string | undefined }
  | { readonly _tag: "Terminated"; readonly job: string }
  | { readonly _tag: "Reserved"; readonly job: string; readonly session: string }
  | { readonly _tag: "Refused"; readonly job: string }
  | { readonly _tag: "Expired"; readonly job: string }
  | { readonly _tag: "Ended"; readonly job: string; readonly status: JobStatus; readonly error?: string | undefined }
  | { readonly _tag: "Lost" }

/**
 * - `Send`: say it to the server.
 * - `Reserve`: take a place, then `Reserved` or `Refused`.
 * - `Release`: give the place back.
 * - `Start`: create the session, then `Ended` when it has.
 * - `Drain`: let the session end.
 *
 * @category models
 * @since 0.1.0
 */
export type WorkerCommand =
  | { readonly _tag: "Send"; readonly message: WorkerMessage }
  | { readonly _tag: "Reserve"; readonly job: Job }
  | { readonly _tag: "Release"; readonly job: string }
  | { readonly _tag: "Start"; readonly job: Job; readonly token: string; readonly url: string | undefined }
  | { readonly _tag: "Drain"; readonly job: string }

/**
 * @category models
 * @since 0.1.0
 */
export interface Step {
  readonly jobs: WorkerJobs
  readonly commands: ReadonlyArray<WorkerCommand>
}

const send = (message: WorkerMessage): WorkerCommand => ({ _tag: "Send", message })
const no = (jobId: string) => send({ availability: { jobId, available: false } })
const update = (jobId: string, status: JobStatus, error?: string) =>
  send({ updateJob: { jobId, status, ...(error === undefined ? {} : { error }) } })

/**
 * The next state. `name` is the agent's name in a room.
 *
 * @category transitions
 * @since 0.1.0
 */
export const step = (jobs: WorkerJobs, event: WorkerEvent, name: string): Step => {
  const stay = (...commands: ReadonlyArray<WorkerCommand>): Step => ({ jobs, commands })
  const become = (job: string, phase: Phase, ...commands: ReadonlyArray<WorkerCommand>): Step => ({
    jobs: new Map(jobs).set(job, phase),
    commands
  })
  const drop = (job: string, ...commands: ReadonlyArray<WorkerCommand>): Step => {
    const rest = new Map(jobs)
    rest.delete(job)
    return { jobs: rest, commands }
  }
  switch (event._tag) {
    case "Asked":
      return jobs.has(event.job.id)
        ? stay(no(event.job.id))
        : become(event.job.id, "asking", { _tag: "Reserve", job: event.job })
    case "Reserved":
      return jobs.get(event.job) === "asking"
        ? become(
          event.job,
          "offered",
          send({
            availability: {
              jobId: event.job,
              available: true,
              participantIdentity: RoomName.agentIdentity(event.session),
              participantName: name,
              participantAttributes: { "lk.agent.state": "initializing", [RoomName.SESSION_ATTRIBUTE]: event.session }
            }
          })
        )
        : stay({ _tag: "Release", job: event.job })
    case "Refused":
      return jobs.get(event.job) === "asking" ? drop(event.job, no(event.job)) : stay()
    case "Assigned":
      switch (jobs.get(event.job.id)) {
        case "offered":
          return become(event.job.id, "running", update(event.job.id, "JS_RUNNING"), {
            _tag: "Start",
            job: event.job,
            token: event.token,
            url: event.url
          })
        // the offer has expired, or there was none
        case undefined:
          return stay(update(event.job.id, "JS_FAILED", "assigned too late"))
        default:
          return stay()
      }
    case "Expired":
      return jobs.get(event.job) === "offered" ? drop(event.job, { _tag: "Release", job: event.job }) : stay()
    case "Terminated":
      switch (jobs.get(event.job)) {
        case "asking":
          return drop(event.job)
        case "offered":
          return drop(event.job, { _tag: "Release", job: event.job })
        case "running":
          return stay({ _tag: "Drain", job: event.job })
        default:
          return stay()
      }
    case "Ended":
      switch (jobs.get(event.job)) {
        case "running":
          return drop(event.job, update(event.job, event.status, event.error))
        case "forgotten":
          return drop(event.job)
        default:
          return stay()
      }
    case "Lost": {
      const rest = Array.from(jobs)
      return {
        jobs: new Map(
          rest.flatMap(([job, phase]): ReadonlyArray<[string, Phase]> =>
            phase === "running" || phase === "forgotten" ? [[job, "forgotten"]] : []
          )
        ),
        commands: rest.flatMap(([job, phase]): ReadonlyArray<WorkerCommand> =>
          phase === "offered" ? [{ _tag: "Release", job }] : []
        )
      }
    }
  }
}
