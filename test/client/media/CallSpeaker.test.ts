import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { CallSpeaker } from "../../../src/client/media/CallSpeaker.ts"
import { devices, install, settled } from "../FakePage.ts"

describe("CallSpeaker", () => {
  let uninstall: () => void
  beforeEach(() => {
    uninstall = install()
    devices.push({ kind: "audiooutput", deviceId: "built-in", label: "Built-in" }, headset)
  })
  afterEach(() => uninstall())

  const headset = { kind: "audiooutput", deviceId: "headset", label: "Headset" }

  const make = () => {
    const applied: Array<string> = []
    const told: Array<string> = []
    const speaker = new CallSpeaker({
      apply: (deviceId) => {
        if (!devices.some((device) => device.deviceId === deviceId) && deviceId !== "") {
          return Promise.reject(new DOMException("no such device", "NotFoundError"))
        }
        applied.push(deviceId)
        return Promise.resolve()
      },
      onLost: ({ code }) => told.push(code),
      onRestored: () => told.push("restored")
    })
    return { applied, speaker, told }
  }

  it("plays through the system's speaker while the chosen one is unplugged, and through that when it is back", async () => {
    const { applied, speaker, told } = make()
    await speaker.choose("headset")
    await speaker.check()
    devices.pop()
    await speaker.check()
    await speaker.check()
    assert.deepStrictEqual([applied, told], [["headset", ""], ["speaker_missing"]])
    devices.push(headset)
    await speaker.check()
    await speaker.check()
    assert.deepStrictEqual([applied, told], [["headset", "", "headset"], ["speaker_missing", "restored"]])
  })

  it("notices a speaker that is back before the system's has taken over", async () => {
    const applied: Array<string> = []
    const told: Array<string> = []
    let release = () => {}
    const speaker = new CallSpeaker({
      apply: async (deviceId) => {
        if (deviceId === "") await new Promise<void>((resolve) => release = resolve)
        applied.push(deviceId)
      },
      onLost: ({ code }) => told.push(code),
      onRestored: () => told.push("restored")
    })
    await speaker.choose("headset")
    devices.pop()
    const gone = speaker.check()
    await settled()
    devices.push(headset)
    const back = speaker.check()
    await settled()
    release()
    await Promise.all([gone, back])
    assert.deepStrictEqual([applied, told], [["headset", "", "headset"], ["speaker_missing", "restored"]])
  })

  it("starts without a preferred speaker that is not there", async () => {
    const { applied, speaker, told } = make()
    devices.pop()
    await speaker.prefer("headset")
    assert.deepStrictEqual([applied, told], [[], ["speaker_missing"]])
    devices.push(headset)
    await speaker.check()
    assert.deepStrictEqual([applied, told], [["headset"], ["speaker_missing", "restored"]])
  })

  it("rejects a choice that cannot be, and of those that follow fast the last counts", async () => {
    const { applied, speaker } = make()
    const code = await speaker.choose("unknown").then(() => "", ({ code }) => code)
    assert.strictEqual(code, "unsupported_browser")
    await Promise.all([speaker.choose("built-in"), speaker.choose("headset")])
    assert.deepStrictEqual(applied, ["headset"])
  })

  it("takes an empty list for one that the page may not see", async () => {
    const { applied, speaker, told } = make()
    await speaker.choose("headset")
    devices.length = 0
    await speaker.check()
    assert.deepStrictEqual([applied, told], [["headset"], []])
  })
})
