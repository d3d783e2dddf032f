/**
 * Shares one thread between the texts of all sessions: the sessions take turns step by step, so that a session's long text
 * does not hold up the others'. A text can be forgotten between two steps.
 *
 * Plain code for a worker thread.
 *
 * @since 0.1.0
 */
import { CREDIT, type SpeechMessage } from "./WorkerProtocol.ts"

/**
 * What says one text.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechSteps {
  readonly isOpen: boolean
  readonly step: () => Promise<boolean>
}

interface Task {
  readonly id: number
  readonly session: string
  readonly speech: SpeechSteps
  /** How many more pieces of sound its listener has room for. */
  credit: number
  isForgotten: boolean
}

/** Texts whose spectra are in memory at once, a few megabytes each. */
const MAX_OPEN = 12

/**
 * @category models
 * @since 0.1.0
 */
export class SpeechScheduler {
  readonly #post: (message: SpeechMessage) => void
  readonly #pause: () => Promise<void>
  readonly #onStep: (id: number) => void
  /** The texts of each session in order; the sessions in the order of their turns. */
  readonly #sessions = new Map<string, Array<Task>>()
  readonly #tasks = new Map<number, Task>()
  #isRunning = false

  /**
   * - `pause`: lets the thread read its messages, between two steps.
   * - `onStep`: called with the id of a text before each of its steps, with 0 after it.
   */
  constructor(options: {
    readonly post: (message: SpeechMessage) => void
    readonly pause: () => Promise<void>
    readonly onStep?: ((id: number) => void) | undefined
  }) {
    this.#post = options.post
    this.#pause = options.pause
    this.#onStep = options.onStep ?? (() => {})
  }

  /** Adds a text. `make` gets a function that counts and posts its sound. */
  add(id: number, session: string, make: (emit: (message: SpeechMessage) => void) => SpeechSteps): void {
    const task: Task = {
      id,
      session,
      speech: make((message) => {
        if (task.isForgotten) return
        task.credit--
        this.#post(message)
      }),
      credit: CREDIT,
      isForgotten: false
    }
    this.#tasks.set(id, task)
    const texts = this.#sessions.get(session)
    if (texts === undefined) this.#sessions.set(session, [task])
    else texts.push(task)
    this.#wake()
  }

  /** Forgets a text; a step that runs is the last. */
  cancel(id: number): void {
    const task = this.#tasks.get(id)
    if (task === undefined) return
    task.isForgotten = true
    this.#remove(task)
    this.#wake()
  }

  /** A piece of a text's sound was taken. */
  taken(id: number): void {
    const task = this.#tasks.get(id)
    if (task === undefined) return
    task.credit++
    this.#wake()
  }

  /** Forgets all texts. */
  clear(): void {
    for (const id of this.#tasks.keys()) this.cancel(id)
  }

  #remove(task: Task): void {
    this.#tasks.delete(task.id)
    const texts = this.#sessions.get(task.session)
    const at = texts?.indexOf(task) ?? -1
    if (texts === undefined || at < 0) return
    texts.splice(at, 1)
    if (texts.length === 0) this.#sessions.delete(task.session)
  }

  /** The text whose turn it is. Its session goes to the end. */
  #next(): Task | undefined {
    let open = 0
    for (const [task] of this.#sessions.values()) if (task?.speech.isOpen === true) open++
    for (const [session, texts] of this.#sessions) {
      const task = texts[0]
      // what is in memory is finished: at most one piece of a sentence
      if (task === undefined || !(task.speech.isOpen || (task.credit > 0 && open < MAX_OPEN))) continue
      this.#sessions.delete(session)
      this.#sessions.set(session, texts)
      return task
    }
    return undefined
  }

  #wake(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#run()
  }

  async #run(): Promise<void> {
    await this.#pause()
    for (let task = this.#next(); task !== undefined; task = this.#next()) {
      await this.#step(task)
      await this.#pause()
    }
    this.#isRunning = false
  }

  async #step(task: Task): Promise<void> {
    let end: SpeechMessage | undefined
    this.#onStep(task.id)
    try {
      if (!(await task.speech.step())) end = { _tag: "Done", id: task.id }
    } catch (cause) {
      end = { _tag: "Error", id: task.id, message: cause instanceof Error ? cause.message : String(cause) }
    }
    this.#onStep(0)
    if (end === undefined || task.isForgotten) return
    this.#remove(task)
    this.#post(end)
  }
}
