import { assert, describe, it } from "@effect/vitest"
import { createElement, type ReactElement } from "react"
import { renderToString } from "react-dom/server"
import { CallStore } from "../../../src/client/index.ts"
import * as Voice from "../../../src/client/react/index.ts"
import { ScriptedClient } from "../call/ScriptedCall.ts"

const { AudioBars, CallButton, ConnectionBanner, DevicePicker, MuteButton, Transcript, VoiceCallProvider } = Voice

const render = (...children: ReadonlyArray<ReactElement>) =>
  renderToString(createElement(VoiceCallProvider, null, ...children))

// Node has no window, no document and no microphone: this is what Next's server does with the page
describe("effect-voice/react on a server", () => {
  it("renders every component before a call, with the roles and states that a screen reader needs", () => {
    const page = render(
      createElement(ConnectionBanner, { key: 1 }),
      createElement(CallButton, { key: 2, className: "mine", id: "call" }),
      createElement(MuteButton, { key: 3 }),
      createElement(AudioBars, { key: 4, bars: 3 }),
      createElement(Transcript, { key: 5 }),
      createElement(DevicePicker, { key: 6, kind: "microphone" })
    )
    assert.include(page, "<div role=\"status\"></div><div role=\"alert\"></div>")
    assert.include(
      page,
      "<button id=\"call\" type=\"button\" class=\"effect-voice-call-button mine\" data-phase=\"idle\">Start call</button>"
    )
    assert.match(page, /<button type="button" class="effect-voice-mute-button" aria-pressed="false" disabled="">Mute</)
    assert.strictEqual(page.match(/class="effect-voice-bar"/g)?.length, 3)
    assert.include(page, "role=\"log\" aria-live=\"off\" aria-label=\"Conversation\" tabindex=\"0\"><ol></ol>")
    const [, id] = /<label for="([^"]+)">Microphone<\/label>/.exec(page) ?? []
    assert.include(page, `<select id="${id}"><option value="" selected="">System default</option></select>`)
  })

  it("renders the same for a browser that remembers devices and is in a call: a page is hydrated with what a server knew", async () => {
    const client = new ScriptedClient()
    const store = new CallStore({ client, input: "usb" })
    await store.start()
    client.call.say("user.transcript", { turn: 1, text: "hello", final: true })
    assert.lengthOf(store.getState().transcript, 1)
    const seen: Array<unknown> = []
    const Page = () => {
      const { levels, phase } = Voice.useVoiceCall()
      const { input } = Voice.useDevices()
      seen.push(phase, Voice.useAgentState(), Voice.useTranscript(), input, Voice.useLatency().medianMs, levels())
      seen.push(Voice.useIncidents().incidents)
      return null
    }
    renderToString(createElement(VoiceCallProvider, { store }, createElement(Page)))
    assert.deepStrictEqual(seen, ["idle", "absent", [], "", undefined, { user: 0.5, agent: 0.25 }, []])
  })

  it("says what is missing around a component that has no call", () => {
    assert.throws(() => renderToString(createElement(CallButton)), /<VoiceCallProvider>/)
  })
})
