/**
 * The changes of the history that a client may ask for. What they refer to is looked for again: an item may have left meanwhile.
 *
 * @since 0.1.0
 */
import type { TimedInput } from "../ConversationInput.ts"
import * as History from "../History.ts"
import type { Step } from "./Step.ts"

type Of<Tag extends TimedInput["_tag"]> = Extract<TimedInput, { readonly _tag: Tag }>

/** The index at which an item is to be inserted; -1 where its place is not known. */
const placeOf = ({ state: { history } }: Step, after: Of<"Insert">["after"]): number => {
  if (after === undefined) return history.length
  if (after === "start") return 0
  const index = History.indexOf(history, after)
  return index < 0 ? -1 : index + 1
}

/** The turn of an item that is inserted there: that before it, and at the end one that follows the answer in progress. */
const turnAt = ({ state: { agent, history, turn } }: Step, index: number): number => {
  if (index < history.length) return history[index - 1]?.turn ?? 0
  const last = history.at(-1)?.turn ?? 0
  return Math.max(last, agent._tag === "Silent" ? turn : agent.reply.turn + 1)
}

/**
 * Adds an item, which is not answered.
 *
 * @category transitions
 * @since 0.1.0
 */
export const insertItem = (step: Step, { after, id, role, text }: Of<"Insert">): void => {
  const index = placeOf(step, after)
  if (index < 0 || History.indexOf(step.state.history, { id }) >= 0) return
  const cut = History.cutText(text)
  if (cut !== text) step.emitCut()
  const turn = turnAt(step, index)
  const item = { role, turn, kind: "text", text: cut, interrupted: false, atMs: step.atMs, id } as const
  step.set({ history: History.insertAt(step.state.history, index, item) })
  step.commands.push({ _tag: "HistoryChanged" })
}

/**
 * Takes an item out.
 *
 * @category transitions
 * @since 0.1.0
 */
export const removeItem = (step: Step, reference: History.ItemReference): void => {
  const index = History.indexOf(step.state.history, reference)
  if (index < 0) return
  step.set({ history: History.removeAt(step.state.history, index) })
  step.commands.push({ _tag: "HistoryChanged" })
}

/**
 * Of what the agent said last in a turn no more was heard than this text, which is told; an answer of which nothing was heard is
 * no part of the history.
 *
 * @category transitions
 * @since 0.1.0
 */
export const cutHeard = (step: Step, turn: number, text: string): void => {
  const { history } = step.state
  const index = History.indexOf(history, { turn, role: "agent" })
  const item = history[index]
  // never more than what was there
  if (item === undefined || item.kind === "audio" || text.length >= item.text.length) return
  step.set({
    history: text === ""
      ? History.removeAt(history, index)
      : history.with(index, { ...item, text, interrupted: true })
  })
  step.emit({ type: "agent.transcript_cut", turn, text })
  step.commands.push({ _tag: "HistoryChanged" })
}
