/**
 * A client of the WebSocket protocol without a package, for Node 22 or later and, without `process`, for browsers:
 *
 *     node WireClient.mjs http://127.0.0.1:8080 "What time is it?"
 */
const [base = "http://127.0.0.1:8080", question = "What time is it?"] = process.argv.slice(2)

const created = await fetch(`${base}/v1/sessions`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ user_id: "ada", transport: "websocket" })
})
if (created.status !== 201) throw new Error(`no session: ${await created.text()}`)
const { connection_url, token } = await created.json()

/** 20 ms of silence at 16 kHz: the microphone's samples belong here. */
const frame = new Int16Array(320)
const resumeWindowMs = 60_000
let rate = 24_000
let asked = false
let questionTurn
let turn = 0
let playedMs = 0
let lostAt

const connect = () => {
  const socket = new WebSocket(connection_url, ["effect-voice.v1", `token.${token}`])
  socket.binaryType = "arraybuffer"
  const send = (message) => socket.send(JSON.stringify(message))
  let timers = []

  const receive = (event) => {
    switch (event.type) {
      case "session.started":
        rate = event.output.sample_rate
        lostAt = undefined
        timers = [
          setInterval(() => socket.send(frame), 20),
          setInterval(() => turn > 0 && send({ type: "playout.position", turn, played_ms: playedMs }), 250)
        ]
        if (!asked) send({ type: "user.text", text: question })
        asked = true
        break
      case "user.transcript":
        if (event.final) questionTurn = event.turn
        break
      case "agent.speech_started":
        if (event.turn !== turn) playedMs = 0
        turn = event.turn
        break
      case "playout.clear":
        // The user interrupted: drop what the loudspeaker has not played yet.
        break
      case "agent.speech_stopped":
        console.log(`agent (${event.reason}): ${event.text}`)
        if (event.turn === questionTurn) send({ type: "session.end" })
        break
      case "session.ended":
        console.log(`ended: ${event.reason}`)
    }
  }

  socket.onmessage = ({ data }) => {
    if (typeof data === "string") return receive(JSON.parse(data))
    // PCM for the loudspeaker; this program has none, so what has come counts as played.
    playedMs += 1_000 * data.byteLength / 2 / rate
  }
  socket.onclose = ({ code }) => {
    for (const timer of timers) clearInterval(timer)
    if ([1000, 4408, 4429].includes(code)) return
    lostAt ??= Date.now()
    if (Date.now() - lostAt > resumeWindowMs) throw new Error(`the connection was lost (${code})`)
    console.log(`connecting again after ${code}`)
    setTimeout(connect, 500)
  }
}

connect()
