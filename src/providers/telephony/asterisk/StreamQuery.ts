/**
 * What the dialplan tells of a call in the query of a stream's URL: `v(call=…,from=…,to=…)` of `Dial(WebSocket/…)`.
 *
 * @since 0.1.0
 */

/**
 * - `call`: the id of the caller's channel, `${UNIQUEID}`. Default: that of the stream's own channel, with which a call cannot come back.
 * - `transfer`: why a transfer has not come about, from `${DIALSTATUS}`.
 * - `machine`: what has answered, from `${AMDSTATUS}`.
 * - `parameters`: everything else.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamQuery {
  readonly call?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly transfer?: "busy" | "no_answer" | "rejected" | "failed" | undefined
  readonly machine?: "human" | "machine" | "unknown" | undefined
  readonly parameters: { readonly [name: string]: string }
}

const known: ReadonlySet<string> = new Set(["call", "from", "to", "transfer", "amd"])
const MAX_PARAMETERS = 64
const MAX_NAME = 256

const transferOf = (status: string | null): StreamQuery["transfer"] => {
  switch (status) {
    case null:
    case "":
    case "ANSWER":
      return undefined
    case "BUSY":
      return "busy"
    case "NOANSWER":
      return "no_answer"
    case "DONTCALL":
      return "rejected"
    default:
      return "failed"
  }
}

const machineOf = (status: string | null): StreamQuery["machine"] => {
  switch (status) {
    case "HUMAN":
      return "human"
    case "MACHINE":
      return "machine"
    case "NOTSURE":
      return "unknown"
    default:
      return undefined
  }
}

/**
 * @category decoding
 * @since 0.1.0
 */
export const parse = (query: URLSearchParams): StreamQuery => ({
  call: query.get("call") || undefined,
  from: query.get("from") || undefined,
  to: query.get("to") || undefined,
  transfer: transferOf(query.get("transfer")),
  machine: machineOf(query.get("amd")),
  parameters: Object.fromEntries(
    [...query].filter(([name]) => !known.has(name) && name.length <= MAX_NAME).slice(0, MAX_PARAMETERS)
  )
})

const PREFIX = "effectvoice."

/**
 * The channel of a call that we make, by its session: a further process finds the session by it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const channelOf = (session: string): string => `${PREFIX}${session}`

/**
 * @category guards
 * @since 0.1.0
 */
export const isOurs = (channel: string): boolean => channel.startsWith(PREFIX)

/**
 * @category conversions
 * @since 0.1.0
 */
export const sessionOf = (channel: string): string => channel.slice(PREFIX.length)

/**
 * Whether something can stand in a dial string: a number, a name or a SIP address, without what the dialplan would read as its own.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAddress = (text: string): boolean => /^[+\w][\w.+@:*#-]{0,255}$/u.test(text)

/**
 * The parameters of a call that we make, as variables of its channel: those whose names can be.
 *
 * @category conversions
 * @since 0.1.0
 */
export const variablesOf = (parameters: { readonly [name: string]: string }): { readonly [name: string]: string } =>
  Object.fromEntries(Object.entries(parameters).filter(([name]) => /^[A-Za-z_]\w{0,63}$/u.test(name)))
