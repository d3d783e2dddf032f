import { Cause, Context, Effect, Exit, Option, Tracer } from "effect"

/** A span as an exporter would get it: everything that it holds, once it has ended. */
export interface Recorded {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parent: string | undefined
  readonly kind: Tracer.SpanKind
  readonly startMs: number
  readonly endMs: number
  readonly attributes: { readonly [key: string]: unknown }
  readonly events: ReadonlyArray<unknown>
  readonly links: ReadonlyArray<{ readonly spanId: string; readonly attributes: unknown }>
  readonly exit: Exit.Exit<unknown, unknown>
}

/** A tracer that keeps all it is given. `made` counts the spans that were begun. */
export class Recording {
  made = 0
  readonly spans: Array<Recorded> = []
  readonly open = new Set<Tracer.Span>()
  readonly tracer: Tracer.Tracer = Tracer.make({
    span: (options) => {
      this.made++
      const span = new Tracer.NativeSpan(options)
      this.open.add(span)
      const end = span.end.bind(span)
      span.end = (at, exit) => {
        if (span.status._tag === "Ended") return
        end(at, exit)
        this.open.delete(span)
        this.spans.push({
          name: span.name,
          traceId: span.traceId,
          spanId: span.spanId,
          parent: Option.getOrUndefined(span.parent)?.spanId,
          kind: span.kind,
          startMs: Number(span.startTime) / 1e6,
          endMs: Number(at) / 1e6,
          attributes: Object.fromEntries(span.attributes),
          events: span.events,
          links: span.links.map(({ attributes, span }) => ({ spanId: span.spanId, attributes })),
          exit
        })
      }
      return span
    }
  })

  readonly provide = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.updateContext(effect, (context: Context.Context<R>) => Context.add(context, Tracer.Tracer, this.tracer))

  named(name: string): ReadonlyArray<Recorded> {
    return this.spans.filter((span) => span.name === name)
  }

  one(name: string): Recorded {
    const [only, ...more] = this.named(name)
    if (only === undefined || more.length > 0) throw new Error(`${more.length + (only ? 1 : 0)} spans of name ${name}`)
    return only
  }
}

/** All that is exported, as text: of a failure what exporters make of it. */
export const everything = (recording: Recording): string =>
  JSON.stringify(recording.spans.map(({ events, exit, ...span }) => ({
    ...span,
    events: events.map((event) =>
      JSON.stringify(event, (_, value) => typeof value === "bigint" ? String(value) : value)
    ),
    failures: Exit.isFailure(exit)
      ? Cause.prettyErrors(exit.cause, { includeCauseInStack: true }).map(({ message, name, stack }) => ({
        name,
        message,
        stack
      }))
      : []
  })))
