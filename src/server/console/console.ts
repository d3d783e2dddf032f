/**
 * The console page: a call, its conversation, its latencies, and what is wrong when something is.
 *
 * All it knows of the server it knows through the public client, `effect-voice/client`, so it is also the example of how
 * to use it.
 *
 * @since 0.1.0
 */
import {
  type AudioDevice,
  type ConnectOptions,
  type SessionState,
  VoiceClient,
  VoiceClientError
} from "../../client/index.ts"
import { forgetKey, makeKeyDialog, recallKey } from "./ApiKey.ts"
import { ConversationView } from "./ConversationView.ts"
import { noticeOf } from "./Incidents.ts"
import { describeServer, watchServer } from "./ServerWatch.ts"

type Phase =
  | "ready"
  | "connecting"
  | "listening"
  | "hearing"
  | "thinking"
  | "speaking"
  | "muted"
  | "reconnecting"
  | "failing"

const wording: Readonly<Record<Phase, readonly [state: string, hint: string, button: string]>> = {
  ready: [
    "Ready when you are",
    matchMedia("(hover: none)").matches ? "Press the button" : "Press the button or the space bar",
    "Start talking"
  ],
  connecting: ["Connecting…", "Allow the microphone if the browser asks", "Cancel"],
  listening: ["Listening", "Say something; press to mute", "Mute"],
  hearing: ["Hearing you", "Pause when you are done", "Mute"],
  thinking: ["Thinking…", "The answer is on its way", "Mute"],
  speaking: ["Speaking", "Just talk to interrupt", "Mute"],
  muted: ["You are muted", "Press again to be heard", "Unmute"],
  reconnecting: ["Reconnecting…", "It goes on when the link is back", "Mute"],
  failing: ["Something is down", "The server is trying to recover", "Mute"]
}

const find = <E extends Element>(id: string, type: new() => E): E => {
  const node = document.getElementById(id)
  if (node instanceof type) return node
  throw new Error(`The page has no #${id}.`)
}
const button = (id: string) => find(id, HTMLButtonElement)
const html = (id: string) => find(id, HTMLElement)

const talk = button("talk")
const mute = button("mute")
const interrupt = button("interrupt")
const end = button("end")
const microphone = find("microphone", HTMLSelectElement)
const speaker = find("speaker", HTMLSelectElement)
const text = find("text", HTMLInputElement)
const banner = html("banner")
const bannerAction = button("banner-action")

let call: VoiceClient | undefined
let connecting: AbortController | undefined
let userSpeaking = false
let serverUp = true
/** The server wants a key, and the one that this tab has, if any, is not good. */
let locked = false
/** The call that was on when the server went away, to be opened anew if it cannot be resumed. */
let wanted: { readonly typed: boolean } | undefined

const conversation = new ConversationView({
  list: html("turns"),
  scroll: html("scroll"),
  announce: html("announce"),
  onChange: (isEmpty) => {
    html("empty").hidden = !isEmpty
    button("clear").hidden = isEmpty
  }
})

// --- banner -----------------------------------------------------------------------------------------------------

let bannerTimer: ReturnType<typeof setTimeout> | undefined
const show = (
  kind: "good" | "warn" | "bad",
  message: string,
  action?: { readonly label: string; readonly run: () => void }
) => {
  clearTimeout(bannerTimer)
  banner.dataset["kind"] = kind
  html("banner-text").textContent = message
  bannerAction.hidden = action === undefined
  bannerAction.textContent = action?.label ?? ""
  bannerAction.onclick = action === undefined ? null : () => {
    hide()
    action.run()
  }
  banner.hidden = false
  if (kind === "good") bannerTimer = setTimeout(hide, 5_000)
}
const hide = () => {
  clearTimeout(bannerTimer)
  banner.hidden = true
}
button("banner-close").onclick = hide

const explain = (error: VoiceClientError) => {
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

// --- phase ------------------------------------------------------------------------------------------------------

const phaseOf = (): Phase => {
  if (connecting !== undefined) return "connecting"
  if (call === undefined) return "ready"
  if (call.connection === "reconnecting") return "reconnecting"
  const byState: Partial<Record<SessionState, Phase>> = {
    processing: "thinking",
    speaking: "speaking",
    error: "failing"
  }
  const phase = byState[call.state]
  if (phase === "failing" || phase === "speaking") return phase
  if (call.muted) return "muted"
  if (userSpeaking) return "hearing"
  return phase ?? "listening"
}

const render = () => {
  const phase = phaseOf()
  const [state, hint, label] = wording[phase]
  document.body.dataset["phase"] = phase
  const typing = call !== undefined && !call.hasMicrophone
  document.body.toggleAttribute("data-typing", typing)
  html("state").textContent = typing && phase === "listening" ? "Connected" : state
  html("hint").textContent = phase === "ready" && !serverUp
    ? "The server is away"
    : phase === "ready" && locked
    ? "This server asks for a key first"
    : typing && (phase === "listening" || phase === "speaking")
    ? "Type to talk; press the button to use the microphone"
    : phase === "speaking" && call?.muted
    ? "You are muted"
    : hint
  html("talk-label").textContent = typing ? "Use microphone" : call?.muted ? "Unmute" : label
  mute.disabled = call === undefined || typing
  mute.setAttribute("aria-pressed", String(call?.muted === true))
  interrupt.disabled = call === undefined || (phase !== "speaking" && phase !== "thinking")
  end.disabled = call === undefined && connecting === undefined
  html("transport-note").hidden = call === undefined
}

// --- the call ---------------------------------------------------------------------------------------------------

/** Served where it is installed. */
const LIVEKIT_CLIENT = new URL("vendor/livekit-client.js", document.baseURI).href

/** Users of a LiveKit backend meet its agent in a room, all others reach this server. */
const offerTransports = (provider: string | undefined) => {
  const inRoom = provider === "livekit"
  for (const radio of document.querySelectorAll<HTMLInputElement>("input[name=transport]")) {
    radio.disabled = (radio.value === "livekit") !== inRoom
    radio.checked = radio.value === (inRoom ? "livekit" : recall("transport") || "websocket")
    radio.title = !radio.disabled
      ? ""
      : inRoom
      ? "This server's users meet in LiveKit rooms"
      : "This server is no LiveKit one"
  }
}

const transport = (): NonNullable<ConnectOptions["transport"]> =>
  document.querySelector<HTMLInputElement>("input[name=transport]:checked")?.value === "webrtc" ? "webrtc" : "websocket"

const aborted = new VoiceClientError("aborted", "No key was given.")

const open = async (typed: boolean, signal: AbortSignal): Promise<VoiceClient> => {
  const options = {
    url: document.baseURI,
    transport: transport(),
    output: { deviceId: speaker.value || undefined },
    livekit: () => import(LIVEKIT_CLIENT),
    signal
  }
  const apiKey = recallKey()
  try {
    const input = typed ? false : { deviceId: microphone.value || undefined }
    return await VoiceClient.connect({ ...options, apiKey, input })
  } catch (error) {
    // A remembered device may be unplugged by now: then the system's choice is better than none.
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
      // The page has been told of no key, or its key is not good any more.
      const had = recallKey() !== undefined
      lock()
      if (!await unlock(had ? "The server does not take the former key any more." : "")) throw aborted
      return await open(typed, abort.signal)
    })
    adopt(opened, typed)
    return opened
  } catch (error) {
    const known = error instanceof VoiceClientError ? error : new VoiceClientError("unknown", "The call failed.")
    if (known.code === "connection_failed" || known.code === "connection_timeout") {
      wanted = { typed }
      watch.check()
    }
    explain(known)
    return undefined
  } finally {
    connecting = undefined
    render()
  }
}

const adopt = (opened: VoiceClient, typed: boolean) => {
  call = opened
  wanted = undefined
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
  opened.on("microphone.lost", (error) => {
    show("bad", error.message)
    void listDevices()
  })
  opened.on("ended", ({ error, reason }) => {
    call = undefined
    userSpeaking = false
    if (error?.code === "session_not_found" || error?.code === "connection_lost") {
      wanted = { typed }
      if (serverUp) void resume("That conversation could not be resumed, so this is a new one.")
    } else if (error !== undefined) explain(error)
    else if (reason !== "ended_by_user") {
      show("warn", endings[reason] ?? `The call ended: ${reason.replaceAll("_", " ")}.`)
    }
    render()
  })
  void listDevices()
}

const endings: Readonly<Record<string, string>> = {
  closed: "The server closed the call.",
  never_connected: "The call ended because it was not connected in time.",
  resume_expired: "The call was away for too long and ended.",
  drained: "The server is shutting down, so the call ended.",
  drain_deadline: "The server is shutting down, so the call ended.",
  longest: "The call reached the longest time the server allows.",
  failed: "The call ended because a part of the server failed."
}

const resume = async (notice: string) => {
  const former = wanted
  wanted = undefined
  if (former === undefined || call !== undefined) return
  if (await start(former) !== undefined) show("good", notice)
}

const press = async () => {
  if (connecting !== undefined) return connecting.abort()
  if (call === undefined) return void await start()
  if (call.hasMicrophone) return call.muted ? call.unmute() : call.mute()
  try {
    await call.setInputDevice(microphone.value)
    void listDevices()
  } catch (error) {
    if (error instanceof VoiceClientError) explain(error)
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
    if (error instanceof VoiceClientError) explain(error)
  }
}

// --- controls ---------------------------------------------------------------------------------------------------

talk.onclick = () => void press()
mute.onclick = () => (call?.muted ? call.unmute() : call?.mute())
interrupt.onclick = () => call?.interrupt()
end.onclick = () => {
  wanted = undefined
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
  suggestion.onclick = () => void say(suggestion.textContent ?? "")
}
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === "Escape") return call?.interrupt()
  // Where space already means something, it keeps its meaning.
  const busy = event.target instanceof Element && event.target.closest("input, select, textarea, button, summary, a")
  if (event.key !== " " || busy) return
  event.preventDefault()
  void press()
})

// --- devices ----------------------------------------------------------------------------------------------------

const remember = (key: string, value: string) => {
  try {
    localStorage.setItem(`effect-voice.${key}`, value)
  } catch {
    // Private windows may refuse; then it is not remembered.
  }
}
const recall = (key: string): string => {
  try {
    return localStorage.getItem(`effect-voice.${key}`) ?? ""
  } catch {
    return ""
  }
}

const fill = (select: HTMLSelectElement, devices: ReadonlyArray<AudioDevice>, key: string) => {
  const chosen = select.value || recall(key)
  const named = devices.filter((device) => device.label !== "" && device.deviceId !== "default")
  select.replaceChildren(
    new Option("System default", ""),
    ...named.map((device) => new Option(device.label, device.deviceId))
  )
  select.value = named.some((device) => device.deviceId === chosen) ? chosen : ""
}
const listDevices = async () => {
  const { canChooseOutput, inputs, outputs } = await VoiceClient.devices()
  fill(microphone, inputs, "microphone")
  fill(speaker, outputs, "speaker")
  speaker.disabled = !canChooseOutput
  html("speaker-note").hidden = canChooseOutput
}
const choose = (select: HTMLSelectElement, key: string, apply: (open: VoiceClient, id: string) => Promise<void>) => {
  select.onchange = () => {
    remember(key, select.value)
    if (call !== undefined) {
      apply(call, select.value).then(render, (error: unknown) => {
        if (error instanceof VoiceClientError) explain(error)
      })
    }
  }
}
choose(microphone, "microphone", (open, id) => open.setInputDevice(id))
choose(speaker, "speaker", (open, id) => open.setOutputDevice(id))
for (const radio of document.querySelectorAll<HTMLInputElement>("input[name=transport]")) {
  radio.checked = radio.value === (recall("transport") || "websocket")
  radio.onchange = () => remember("transport", radio.value)
}
navigator.mediaDevices?.addEventListener("devicechange", () => void listDevices())
find("settings", HTMLDetailsElement).open = matchMedia("(min-width: 821px)").matches

// --- levels -----------------------------------------------------------------------------------------------------

/** -60 dB is an empty meter, -6 dB a full one: speech then fills the middle. */
const scale = (rms: number): number => Math.max(0, Math.min(1, (20 * Math.log10(Math.max(rms, 1e-6)) + 60) / 54))
const meters = { user: html("meter-user"), agent: html("meter-agent") }
const shown = { user: 0, agent: 0 }
const animate = () => {
  const levels = call?.levels ?? { user: 0, agent: 0 }
  for (const who of ["user", "agent"] as const) {
    // Up at once, down gently, as a meter on a mixing desk.
    const level = scale(who === "user" && call?.muted ? 0 : levels[who])
    const next = Math.max(level, shown[who] * 0.88)
    if (Math.abs(next - shown[who]) > 0.002) meters[who].style.transform = `scaleX(${next.toFixed(3)})`
    shown[who] = next
  }
  const speaking = document.body.dataset["phase"] === "speaking"
  talk.style.setProperty("--level", (speaking ? shown.agent : shown.user).toFixed(2))
  requestAnimationFrame(animate)
}

// --- the server -------------------------------------------------------------------------------------------------

const describe = async () => {
  const description = await describeServer(recallKey())
  if (description.state === "locked") return lock()
  if (description.state === "away") return
  locked = false
  showChips(description.chips)
  offerTransports(description.provider)
  render()
}

const showChips = (chips: ReadonlyArray<readonly [label: string, value: string]>) =>
  html("engines").replaceChildren(...chips.map(([label, value]) => {
    const chip = document.createElement("li")
    const name = document.createElement("b")
    name.textContent = value
    chip.append(`${label} `, name)
    return chip
  }))

const lock = () => {
  locked = true
  forgetKey()
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
    offerTransports(description.provider)
  }
  return description.state === "known" ? "accepted" : description.state === "locked" ? "refused" : "unreachable"
})

/** Asks for a key; whether a good one was given. */
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
      : wanted !== undefined
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
    if (wanted !== undefined && call === undefined) void resume("The server is back. This is a new conversation.")
  }
  render()
})

render()
void listDevices()
requestAnimationFrame(animate)
