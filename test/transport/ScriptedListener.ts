import type { ClientMessage } from "../../src/session/ClientMessage.ts"
import type { ConnectionListener } from "../../src/session/UserConnection.ts"

/** A session's side of a connection, which records what it receives. */
export class ScriptedListener implements ConnectionListener {
  readonly log: Array<string> = []
  readonly chunks: Array<Int16Array> = []
  readonly messages: Array<ClientMessage> = []
  readonly faults: Array<string> = []
  readonly ends: Array<string> = []
  gaps = 0
  samples = 0
  #watchers: Array<() => void> = []

  /** Calls back after everything that is received. */
  watch(watcher: () => void): () => void {
    this.#watchers.push(watcher)
    return () => {
      this.#watchers = this.#watchers.filter((each) => each !== watcher)
    }
  }

  get pcm(): Array<number> {
    return this.chunks.flatMap((chunk) => [...chunk])
  }

  audio(pcm: Int16Array): void {
    this.chunks.push(pcm.slice())
    this.samples += pcm.length
    this.#heard("audio")
  }

  gap(samples: number): void {
    this.gaps += samples
    this.#heard("gap")
  }

  message(message: ClientMessage): void {
    this.messages.push(message)
    this.#heard(message.type)
  }

  malformed(reason: string): void {
    this.faults.push(reason)
    this.#heard("malformed")
  }

  closed(reason: string): void {
    this.ends.push(reason)
    this.#heard("closed")
  }

  #heard(what: string): void {
    this.log.push(what)
    for (const watcher of this.#watchers) watcher()
  }
}
