/**
 * The console page: a call, its conversation, its latencies and its errors.
 *
 * It stands on the call store of the public client, `effect-voice/client`, and so is an example of its use.
 *
 * @since 0.1.0
 */
import { CallStore, type VoiceClientError } from "../../client/index.ts"
import { loadKey, makeKeyDialog, removeKey } from "./ApiKey.ts"
import { button, find, html } from "./Elements.ts"
import { hide, show } from "./panels/Banner.ts"
import { renderCall } from "./panels/CallPanel.ts"
import { ConversationView } from "./panels/ConversationView.ts"
import * as DevicePicker from "./panels/DevicePicker.ts"
import * as LevelMeters from "./panels/LevelMeters.ts"
import { showChips } from "./panels/ServerChips.ts"
import * as TransportPicker from "./panels/TransportPicker.ts"
import { describeServer, watchServer } from "./ServerWatch.ts"

const text = find("text", HTMLInputElement)

/** Served where it is installed. */
const LIVEKIT_CLIENT = new URL("vendor/livekit-client.js", document.baseURI).href

const store = new CallStore({
  ...DevicePicker.remembered(),
  keepTranscript: true,
  connect: () => ({
    url: document.baseURI,
    transport: TransportPicker.chosen(),
    apiKey: loadKey(),
    livekit: () => import(LIVEKIT_CLIENT),
    // The page's content security policy allows scripts of its own origin only.
    workletUrl: new URL("client/audio/", document.baseURI)
  })
})

/** A call is being set up, or a key for it asked for. */
let starting = false
/** The user only types in the latest call. */
let typed = false
let serverUp = true
/** The server asks for a key, and rejects the one that this tab has, if any. */
let locked = false
/** The call that ended with the server, to be opened again if it cannot be resumed. */
let interruptedCall: { readonly typed: boolean } | undefined

const hasCall = () => store.getState().sessionId !== undefined

const conversation = new ConversationView({
  list: html("turns"),
  scroll: html("scroll"),
  announce: html("announce"),
  onChange: (isEmpty) => {
    html("empty").hidden = !isEmpty
    button("clear").hidden = isEmpty
  }
})

// --- errors -----------------------------------------------------------------------------------------------------

const showError = (error: VoiceClientError) => {
  switch (error.code) {
    case "aborted":
      return
    case "microphone_denied":
    case "microphone_missing":
    case "microphone_failed":
    case "insecure_context":
      return show("bad", `${error.message} You can type meanwhile.`, { label: "Try again", run: () => void start() })
    case "connection_failed":
    case "connection_lost":
      if (!serverUp) return showAway()
      return show("bad", error.message, { label: "Try again", run: () => void start() })
    default:
      return show("bad", error.message)
  }
}

const render = () => renderCall(store.getState(), { locked, serverUp, starting })

// --- the call ---------------------------------------------------------------------------------------------------

/** Connects; asks for a key where the page has none yet, or the server does not accept it any more. */
const connect = async (): Promise<VoiceClientError | undefined> => {
  const options = { microphone: !typed }
  if (locked && !await unlock()) return undefined
  if (await store.start(options)) return undefined
  const error = store.getState().ended?.error
  if (error?.code !== "authentication_failed") return error
  const had = loadKey() !== undefined
  lock()
  if (!await unlock(had ? "The server does not accept the former key any more." : "")) return undefined
  return await store.start(options) ? undefined : store.getState().ended?.error
}

const start = async (options: { readonly typed?: boolean } = {}): Promise<boolean> => {
  if (hasCall()) return true
  if (starting) return false
  hide()
  starting = true
  typed = options.typed === true
  render()
  const error = await connect()
  starting = false
  if (error?.code === "connection_failed" || error?.code === "connection_timeout") {
    interruptedCall = { typed }
    watch.check()
  } else if (hasCall()) interruptedCall = undefined
  if (error !== undefined) showError(error)
  render()
  return hasCall()
}

let shown = store.getState()
store.subscribe(() => {
  const former = shown
  const state = shown = store.getState()
  const latest = former.incidents.at(-1)?.id ?? 0
  for (const { id, kind, text } of state.incidents) if (id > latest && kind !== "note") show(kind, text)
  if (state.playbackBlocked && !former.playbackBlocked) {
    const sentence = "The browser keeps the sound off. Click, tap or press a key to hear the agent."
    show("warn", sentence, { label: "Turn the sound on", run: store.startPlayback })
  } else if (!state.playbackBlocked && former.playbackBlocked) hide()
  if (state.phase === "reconnecting" && former.phase !== "reconnecting") watch.check()
  DevicePicker.render(state.devices)
  conversation.render(state)
  render()
  // may start the next call, and so comes last
  if (state.sessionId === undefined && former.sessionId !== undefined) onEnded()
})

const onEnded = () => {
  const { error, reason, text } = store.getState().ended ?? {}
  if (error?.code === "session_not_found" || error?.code === "connection_lost") {
    interruptedCall = { typed }
    if (serverUp) void resume("That conversation could not be resumed, so this is a new one.")
  } else if (error !== undefined) showError(error)
  else if (reason !== "ended_by_user" && text !== undefined) show("warn", text)
}

const resume = async (notice: string) => {
  const former = interruptedCall
  interruptedCall = undefined
  if (former === undefined || hasCall()) return
  if (await start(former)) show("good", notice)
}

const press = () => {
  const { devices, hasMicrophone, muted } = store.getState()
  if (starting) return store.hangUp()
  if (!hasCall()) return void start()
  if (hasMicrophone) return store.mute(!muted)
  void store.setInput(devices.input)
}

const say = async (words: string) => {
  const said = words.trim()
  if (said === "") return
  if (await start({ typed: true })) store.sendText(said)
  else text.value = said
}

// --- controls ---------------------------------------------------------------------------------------------------

/** What the first press of a double click has changed, the second must not change back. */
const onPress = (id: string, run: () => void) => {
  button(id).onclick = ({ detail }) => detail > 1 ? undefined : run()
}

onPress("talk", press)
onPress("mute", () => store.mute(!store.getState().muted))
button("interrupt").onclick = store.interrupt
button("end").onclick = () => {
  interruptedCall = undefined
  store.hangUp()
  hide()
}
button("clear").onclick = store.clear
find("composer", HTMLFormElement).onsubmit = (event) => {
  event.preventDefault()
  const words = text.value
  text.value = ""
  void say(words)
}
for (const suggestion of document.querySelectorAll<HTMLButtonElement>(".try")) {
  suggestion.onclick = ({ detail }) => detail > 1 ? undefined : void say(suggestion.textContent ?? "")
}
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === "Escape") return store.interrupt()
  // In controls, the space bar keeps its own meaning.
  const busy = event.target instanceof Element && event.target.closest("input, select, textarea, button, summary, a")
  if (event.key !== " " || busy) return
  event.preventDefault()
  press()
})

// --- choices ----------------------------------------------------------------------------------------------------

DevicePicker.onChoice((which, deviceId) => {
  void (which === "input" ? store.setInput(deviceId) : store.setOutput(deviceId))
})
TransportPicker.start()
find("settings", HTMLDetailsElement).open = matchMedia("(min-width: 821px)").matches

// --- the server -------------------------------------------------------------------------------------------------

const describe = async () => {
  const description = await describeServer(loadKey())
  if (description.state === "locked") return lock()
  if (description.state === "away") return
  locked = false
  showChips(description.chips)
  TransportPicker.offer(description.provider)
  render()
}

const lock = () => {
  locked = true
  removeKey()
  showChips([])
  render()
}

const askForKey = makeKeyDialog({
  dialog: find("key", HTMLDialogElement),
  form: find("key-form", HTMLFormElement),
  input: find("key-input", HTMLInputElement),
  fault: html("key-fault"),
  submit: button("key-submit"),
  cancel: button("key-cancel")
}, async (key) => {
  const description = await describeServer(key)
  if (description.state === "known") {
    showChips(description.chips)
    TransportPicker.offer(description.provider)
  }
  return description.state === "known" ? "accepted" : description.state === "locked" ? "refused" : "unreachable"
})

/** Asks for a key; `true` when the server accepted one. */
const unlock = async (message = ""): Promise<boolean> => {
  if (await askForKey(message) === undefined) return false
  locked = false
  render()
  return true
}

const showAway = () =>
  show(
    "bad",
    hasCall()
      ? "The server cannot be reached. Your call goes on by itself when it is back."
      : interruptedCall !== undefined
      ? "The server cannot be reached. Your call starts by itself when it is back."
      : "The server cannot be reached. This page keeps trying."
  )

let wasDown = false
const watch = watchServer((up) => {
  serverUp = up
  html("link").dataset["kind"] = up ? "up" : "down"
  html("link-text").textContent = up ? "Server online" : "Server away"
  if (!up) {
    wasDown = true
    showAway()
  } else {
    if (wasDown && !hasCall()) show("good", "The server is back.")
    wasDown = false
    void describe()
    if (interruptedCall !== undefined && !hasCall()) {
      void resume("The server is back. This is a new conversation.")
    }
  }
  render()
})

render()
LevelMeters.start(store.levels)
