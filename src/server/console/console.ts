/**
 * The console page: a call, its conversation, its latencies and its errors.
 *
 * It reaches the session through the public client only, `effect-voice/client`, and so is an example of its use.
 *
 * @since 0.1.0
 */
import { type ConnectOptions, VoiceClient, VoiceClientError } from "../../client/index.ts"
import { loadKey, makeKeyDialog, removeKey } from "./ApiKey.ts"
import { button, find, html } from "./Elements.ts"
import { endingOf, noticeOf } from "./Incidents.ts"
import { hide, show } from "./panels/Banner.ts"
import { renderCall } from "./panels/CallPanel.ts"
import { ConversationView } from "./panels/ConversationView.ts"
import * as DevicePicker from "./panels/DevicePicker.ts"
import { microphone, speaker } from "./panels/DevicePicker.ts"
import * as LevelMeters from "./panels/LevelMeters.ts"
import { showChips } from "./panels/ServerChips.ts"
import * as TransportPicker from "./panels/TransportPicker.ts"
import { describeServer, watchServer } from "./ServerWatch.ts"

const text = find("text", HTMLInputElement)

let call: VoiceClient | undefined
let connecting: AbortController | undefined
let userSpeaking = false
let serverUp = true
/** The server asks for a key, and rejects the one that this tab has, if any. */
let locked = false
/** The call that ended with the server, to be opened again if it cannot be resumed. */
let interruptedCall: { readonly typed: boolean } | undefined

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

const render = () => renderCall({ call, connecting: connecting !== undefined, locked, serverUp, userSpeaking })

// --- the call ---------------------------------------------------------------------------------------------------

/** Served where it is installed. */
const LIVEKIT_CLIENT = new URL("vendor/livekit-client.js", document.baseURI).href

const aborted = new VoiceClientError("aborted", "No key was given.")

const open = async (typed: boolean, signal: AbortSignal): Promise<VoiceClient> => {
  const options: ConnectOptions = {
    url: document.baseURI,
    transport: TransportPicker.chosen(),
    output: { deviceId: speaker.value || undefined },
    livekit: () => import(LIVEKIT_CLIENT),
    // The page's content security policy allows scripts of its own origin only.
    workletUrl: new URL("client/audio/", document.baseURI),
    signal
  }
  const apiKey = loadKey()
  try {
    const input = typed ? false : { deviceId: microphone.value || undefined }
    return await VoiceClient.connect({ ...options, apiKey, input })
  } catch (error) {
    // A remembered device may have been unplugged: then the system's default is better than none.
    if (!(error instanceof VoiceClientError) || error.code !== "microphone_missing" || microphone.value === "") {
      throw error
    }
    microphone.value = ""
    return await VoiceClient.connect({ ...options, apiKey })
  }
}

const start = async (options: { readonly typed?: boolean } = {}): Promise<VoiceClient | undefined> => {
  if (call !== undefined) return call
  if (connecting !== undefined) return undefined
  hide()
  const typed = options.typed === true
  const abort = connecting = new AbortController()
  userSpeaking = false
  render()
  try {
    if (locked && !await unlock()) return undefined
    const opened = await open(typed, abort.signal).catch(async (error: unknown) => {
      if (!(error instanceof VoiceClientError) || error.code !== "authentication_failed") throw error
      // The page has no key yet, or the server does not accept it any more.
      const had = loadKey() !== undefined
      lock()
      if (!await unlock(had ? "The server does not accept the former key any more." : "")) throw aborted
      return await open(typed, abort.signal)
    })
    listen(opened, typed)
    return opened
  } catch (error) {
    const known = error instanceof VoiceClientError ? error : new VoiceClientError("unknown", "The call failed.")
    if (known.code === "connection_failed" || known.code === "connection_timeout") {
      interruptedCall = { typed }
      watch.check()
    }
    showError(known)
    return undefined
  } finally {
    connecting = undefined
    render()
  }
}

const listen = (opened: VoiceClient, typed: boolean) => {
  call = opened
  interruptedCall = undefined
  conversation.newSession()
  opened.on("message", (message) => {
    if (message.type === "user.speech_started") userSpeaking = true
    else if (message.type === "user.speech_stopped") userSpeaking = false
    const notice = noticeOf(message)
    if (notice !== undefined) show(notice.kind, notice.text)
    conversation.receive(message)
    render()
  })
  opened.on("muted", render)
  opened.on("connection", ({ resumed, state }) => {
    if (state === "connected" && resumed) show("good", "Connected again. The conversation goes on.")
    if (state === "reconnecting") {
      userSpeaking = false
      watch.check()
    }
    render()
  })
  for (const lost of ["microphone.lost", "speaker.lost", "microphone.silenced"] as const) {
    opened.on(lost, (error) => {
      show("bad", error.message)
      void DevicePicker.refresh()
    })
  }
  opened.on("microphone.restored", () => show("good", "The microphone works again."))
  opened.on("speaker.restored", () => show("good", "The speaker is back."))
  opened.on("playback.blocked", (error) => {
    show("warn", error.message, { label: "Turn the sound on", run: () => opened.startPlayback() })
  })
  opened.on("playback.started", hide)
  opened.on("ended", ({ error, reason }) => {
    call = undefined
    userSpeaking = false
    if (error?.code === "session_not_found" || error?.code === "connection_lost") {
      interruptedCall = { typed }
      if (serverUp) void resume("That conversation could not be resumed, so this is a new one.")
    } else if (error !== undefined) showError(error)
    else if (reason !== "ended_by_user") {
      show("warn", endingOf(reason))
    }
    render()
  })
  void DevicePicker.refresh()
}

const resume = async (notice: string) => {
  const former = interruptedCall
  interruptedCall = undefined
  if (former === undefined || call !== undefined) return
  if (await start(former) !== undefined) show("good", notice)
}

const press = async () => {
  if (connecting !== undefined) return connecting.abort()
  if (call === undefined) return void await start()
  if (call.hasMicrophone) return call.muted ? call.unmute() : call.mute()
  try {
    await call.setInputDevice(microphone.value)
    void DevicePicker.refresh()
  } catch (error) {
    if (error instanceof VoiceClientError) showError(error)
  }
  render()
}

const say = async (words: string) => {
  const said = words.trim()
  if (said === "") return
  const open = call ?? await start({ typed: true })
  if (open === undefined) {
    text.value = said
    return
  }
  try {
    open.sendText(said)
    conversation.typed(said)
  } catch (error) {
    if (error instanceof VoiceClientError) showError(error)
  }
}

// --- controls ---------------------------------------------------------------------------------------------------

/** What the first press of a double click has changed, the second must not change back. */
const onPress = (id: string, run: () => void) => {
  button(id).onclick = ({ detail }) => detail > 1 ? undefined : run()
}

onPress("talk", () => void press())
onPress("mute", () => call?.muted ? call.unmute() : call?.mute())
button("interrupt").onclick = () => call?.interrupt()
button("end").onclick = () => {
  interruptedCall = undefined
  connecting?.abort()
  call?.end()
  hide()
}
button("clear").onclick = () => conversation.clear()
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
  if (event.key === "Escape") return call?.interrupt()
  // In controls, the space bar keeps its own meaning.
  const busy = event.target instanceof Element && event.target.closest("input, select, textarea, button, summary, a")
  if (event.key !== " " || busy) return
  event.preventDefault()
  void press()
})

// --- choices ----------------------------------------------------------------------------------------------------

DevicePicker.onChoice((which, deviceId) => {
  const changed = which === "microphone" ? call?.setInputDevice(deviceId) : call?.setOutputDevice(deviceId)
  changed?.then(render, (error: unknown) => {
    if (error instanceof VoiceClientError) showError(error)
  })
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
    call !== undefined
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
    if (wasDown && call === undefined) show("good", "The server is back.")
    wasDown = false
    void describe()
    if (interruptedCall !== undefined && call === undefined) {
      void resume("The server is back. This is a new conversation.")
    }
  }
  render()
})

render()
void DevicePicker.refresh()
LevelMeters.start(() => {
  const levels = call?.levels ?? { user: 0, agent: 0 }
  return call?.muted === true ? { ...levels, user: 0 } : levels
})
