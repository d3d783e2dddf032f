import { assert, describe, it } from "@effect/vitest"
import { CallStore, type CallStoreOptions, VoiceClientError } from "../../../src/client/index.ts"
import { permission, settled, useInstalled } from "../FakePage.ts"
import { ScriptedClient } from "./ScriptedCall.ts"

const usb = { deviceId: "usb", label: "USB microphone" }
const missing = () => Promise.reject(new VoiceClientError("microphone_missing", "No microphone was found."))

const setUp = (options: CallStoreOptions = {}) => {
  const client = new ScriptedClient()
  return { client, store: new CallStore({ client, ...options }) }
}

describe("CallStore's devices", () => {
  useInstalled()

  it("lists them while somebody listens, again when they change, and not after that", async () => {
    const { client, store } = setUp()
    await settled()
    assert.strictEqual(client.asked, 0)
    // as a page in React's strict mode does
    store.subscribe(() => {})()
    const unsubscribe = store.subscribe(() => {})
    await settled()
    const before = store.getState()
    assert.strictEqual(before.devices.permission, "granted")
    client.listed = { ...client.listed, inputs: [usb] }
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"))
    await settled()
    assert.deepStrictEqual(store.getState().devices.inputs, [usb])
    const same = store.getState()
    await store.refreshDevices()
    assert.strictEqual(store.getState(), same, "the same devices are no change")
    const { asked } = client
    unsubscribe()
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"))
    await settled()
    assert.strictEqual(client.asked, asked)
  })

  it("says whether the microphone may be used, and lists again when that changes: the labels come with it", async () => {
    const status = Object.assign(new EventTarget(), { state: "prompt" })
    Object.assign(navigator.permissions, { query: () => Promise.resolve(status) })
    const { client, store } = setUp()
    const unsubscribe = store.subscribe(() => {})
    await settled()
    assert.strictEqual(store.getState().devices.permission, "prompt")
    client.listed = { ...client.listed, inputs: [usb] }
    status.state = "granted"
    status.dispatchEvent(new Event("change"))
    await settled()
    assert.strictEqual(store.getState().devices.permission, "granted")
    assert.deepStrictEqual(store.getState().devices.inputs, [usb])
    unsubscribe()
    status.state = "denied"
    status.dispatchEvent(new Event("change"))
    assert.strictEqual(store.getState().devices.permission, "granted")
    Object.assign(navigator.permissions, { query: () => Promise.reject(new TypeError("not a name")) })
    const other = setUp().store
    other.subscribe(() => {})()
    await settled()
    assert.strictEqual(other.getState().devices.permission, "unknown")
    Object.assign(navigator.permissions, { query: () => Promise.resolve(permission) })
  })

  it("begins with the remembered ones, and does without a microphone that is gone", async () => {
    const { client, store } = setUp({
      input: "usb",
      output: "speaker-1",
      connect: { input: { echoCancellation: false } }
    })
    client.onConnect = ({ input }) =>
      typeof input === "object" && input.deviceId === "usb" ? missing() : Promise.resolve()
    assert.isTrue(await store.start())
    assert.deepInclude(client.call.options, {
      input: { echoCancellation: false, deviceId: undefined },
      output: { deviceId: "speaker-1" }
    })
    assert.strictEqual(store.getState().devices.input, "")
    store.hangUp()
    client.onConnect = missing
    assert.isFalse(await store.start())
    assert.strictEqual(store.getState().ended?.reason, "microphone_missing")
  })

  it("adds a microphone to a call in which the user typed, and stays with the former one where another fails", async () => {
    const { client, store } = setUp()
    assert.isTrue(await store.start({ microphone: false }))
    const { call } = client
    assert.isFalse(store.getState().hasMicrophone)
    call.onDevice = async () => {
      call.hasMicrophone = true
    }
    assert.isTrue(await store.setInput("usb"))
    assert.isTrue(store.getState().hasMicrophone)
    call.onDevice = missing
    const choosing = store.setInput("other")
    assert.strictEqual(store.getState().devices.input, "other")
    assert.isFalse(await choosing)
    assert.strictEqual(store.getState().devices.input, "usb")
    assert.strictEqual(store.getState().incidents.at(-1)?.error?.code, "microphone_missing")
    assert.isFalse(await store.setOutput("gone"))
    assert.strictEqual(store.getState().devices.output, "")
    store.hangUp()
    assert.isTrue(await store.setInput("third"))
    await store.start()
    assert.deepInclude(client.call.options, { input: { deviceId: "third" } })
  })

  it("lets the last of two choices count, whichever is done first", async () => {
    const { client, store } = setUp()
    await store.start()
    const { call } = client
    const doing: Array<{ readonly done: () => void; readonly fail: (error: Error) => void }> = []
    call.onDevice = () => new Promise((done, fail) => doing.push({ done, fail }))
    const first = store.setInput("first")
    const second = store.setInput("second")
    doing[1]?.done()
    assert.isTrue(await second)
    doing[0]?.fail(new VoiceClientError("microphone_failed", "It is in use."))
    assert.isFalse(await first)
    assert.strictEqual(store.getState().devices.input, "second")
  })
})
