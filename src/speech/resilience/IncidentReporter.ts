/**
 * Reports what happens to the engines behind one session.
 *
 * @since 0.1.0
 */
import type { BackendError } from "../../BackendError.ts"
import type { EngineIncident, OnIncident } from "../../EngineIncident.ts"

/**
 * Reports the incidents of one session, and remembers which of its engines is in use and which have failed. Engines are
 * named by their place in the order of preference.
 *
 * @category models
 * @since 0.1.0
 */
export class IncidentReporter {
  readonly #kind: "stt" | "tts"
  readonly #names: ReadonlyArray<string>
  readonly #sessionId: string
  readonly #listeners: ReadonlyArray<OnIncident>
  #inUse = 0
  #unavailable = false
  #failing: ReadonlyArray<number> = []

  constructor(
    kind: "stt" | "tts",
    names: ReadonlyArray<string>,
    sessionId: string,
    listeners: ReadonlyArray<OnIncident | undefined>
  ) {
    this.#kind = kind
    this.#names = names
    this.#sessionId = sessionId
    this.#listeners = listeners.filter((listener) => listener !== undefined)
  }

  failed(index: number, error: BackendError, openedCircuit: boolean): void {
    if (!this.#failing.includes(index)) this.#failing = [...this.#failing, index]
    this.#report(index, "failed", error)
    if (openedCircuit) this.#report(index, "opened_circuit", error)
  }

  retrying(index: number, error: BackendError): void {
    this.#report(index, "retrying", error)
  }

  /** The engine is in use from now on; a session is expected to use the first. */
  using(index: number, error?: BackendError): void {
    const former = this.#inUse
    this.#inUse = index
    if (former !== index) this.#report(former, "switched", error, this.#names[index] ?? "")
  }

  /** No engine works for the session, which waits for one. */
  unavailable(index: number, error: BackendError): void {
    if (!this.#unavailable) this.#report(index, "unavailable", error)
    this.#unavailable = true
  }

  /** An engine works again after `unavailable`; otherwise nothing is reported. */
  available(index: number): void {
    if (this.#unavailable) this.#report(index, "available")
    this.#unavailable = false
  }

  /** The engine has done its work; reported when it had failed. */
  succeeded(index: number, closedCircuit: boolean): void {
    const failed = this.#failing.includes(index)
    if (failed) this.#failing = this.#failing.filter((other) => other !== index)
    if (failed || closedCircuit) this.#report(index, "recovered")
  }

  #report(index: number, what: EngineIncident["what"], error?: BackendError, to?: string): void {
    const incident: EngineIncident = {
      engine: this.#names[index] ?? "",
      kind: this.#kind,
      what,
      sessionId: this.#sessionId,
      ...(error === undefined ? {} : { error }),
      ...(to === undefined ? {} : { to })
    }
    for (const listener of this.#listeners) listener(incident)
  }
}
