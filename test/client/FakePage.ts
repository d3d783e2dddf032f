/** As much of a browser as a call's media use, for tests in Node. */
import { afterEach, beforeEach, vi } from "@effect/vitest"

/** A track and the stream around it, as `getUserMedia` and rooms give them. */
export const makeStream = () => {
  const track = Object.assign(new EventTarget(), {
    id: "track",
    kind: "audio",
    muted: false,
    readyState: "live",
    enabled: true,
    onended: null as (() => void) | null,
    onmute: null as (() => void) | null,
    onunmute: null as (() => void) | null,
    stop: () => {
      track.readyState = "ended"
    }
  })
  const tracks = [track]
  const stream = { active: true, getAudioTracks: () => tracks, getTracks: () => tracks }
  return { track, stream: stream as unknown as MediaStream }
}

/** An audio context whose state the test changes. */
export class FakeContext {
  state: AudioContextState = "running"
  /** Whether `resume` works: without a gesture it waits for one. */
  allowed = true
  resumed = 0
  readonly sources: Array<{ readonly stream: MediaStream; connected: boolean }> = []
  onstatechange: (() => void) | null = null

  change(state: AudioContextState): void {
    this.state = state
    this.onstatechange?.()
  }
  resume(): Promise<void> {
    this.resumed++
    if (!this.allowed) return new Promise(() => {})
    this.change("running")
    return Promise.resolve()
  }
  close(): Promise<void> {
    this.state = "closed"
    return Promise.resolve()
  }
  createAnalyser() {
    return {
      fftSize: 0,
      connect: () => {},
      disconnect: () => {},
      getFloatTimeDomainData: (samples: Float32Array) => samples.fill(0.5)
    }
  }
  createMediaStreamSource(stream: MediaStream) {
    const source = { stream, connected: true }
    this.sources.push(source)
    return { connect: () => {}, disconnect: () => source.connected = false }
  }
  get asContext(): AudioContext {
    return this as unknown as AudioContext
  }
}

/** An audio element whose `play` works only when it is allowed to. */
export class FakeAudio {
  static readonly all: Array<FakeAudio> = []
  static allowed = true
  autoplay = false
  paused = true
  muted = false
  sinkId = ""
  srcObject: unknown = null
  onpause: (() => void) | null = null
  onplaying: (() => void) | null = null

  constructor() {
    FakeAudio.all.push(this)
  }
  play(): Promise<void> {
    if (!FakeAudio.allowed) return Promise.reject(new DOMException("no gesture", "NotAllowedError"))
    this.paused = false
    this.onplaying?.()
    return Promise.resolve()
  }
  pause(): void {
    this.paused = true
    this.onpause?.()
  }
  setSinkId(id: string): Promise<void> {
    if (id === "gone") return Promise.reject(new DOMException("no such device", "NotFoundError"))
    this.sinkId = id
    return Promise.resolve()
  }
}

/** The page's own events. */
export const page = new EventTarget()

/** The devices that the page lists. */
export const devices: Array<{ readonly kind: string; readonly deviceId: string; readonly label: string }> = []

/** Whether the page may use the microphone without asking. */
export const permission = { state: "granted" }

const globals: { readonly [name: string]: unknown } = {
  Audio: FakeAudio,
  MediaStream: class {
    readonly active = true
    readonly tracks: ReadonlyArray<unknown>
    constructor(tracks: ReadonlyArray<unknown>) {
      this.tracks = tracks
    }
  },
  addEventListener: page.addEventListener.bind(page),
  navigator: {
    mediaDevices: Object.assign(new EventTarget(), { enumerateDevices: () => Promise.resolve(devices) }),
    permissions: { query: () => Promise.resolve(permission) }
  }
}

/** Puts it in place of what Node has; returns what undoes it. */
export const install = (): () => void => {
  const former = Object.keys(globals).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const)
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  }
  FakeAudio.all.length = 0
  FakeAudio.allowed = true
  devices.length = 0
  permission.state = "granted"
  return () => {
    for (const [name, descriptor] of former) {
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name)
      else Object.defineProperty(globalThis, name, descriptor)
    }
  }
}

/** Lets every promise that can settle do so. */
export const settled = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

/** Puts it in place for each test of a suite. */
export const useInstalled = ({ fakeTimers = false }: { readonly fakeTimers?: boolean } = {}): void => {
  let uninstall = () => {}
  beforeEach(() => {
    uninstall = install()
    if (fakeTimers) vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
    uninstall()
  })
}
