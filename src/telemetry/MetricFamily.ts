/**
 * Metrics with labels: one series for each combination of label values, made when it is first needed.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"

/** More combinations than this are a mistake in the labels: the rest is recorded as `other`. */
const MAX_SERIES = 512
const OTHER = "other"

/**
 * Updates the series with these label values (in the order of the labels) by an amount. Without an amount it only registers
 * the series.
 *
 * @category models
 * @since 0.1.0
 */
export type Family = (amount: number | undefined, ...values: ReadonlyArray<string>) => void

/**
 * The name, labels and registry of a metric.
 *
 * @category models
 * @since 0.1.0
 */
export interface FamilyOptions {
  readonly description: string
  /** The labels that tell the series apart. */
  readonly labels?: ReadonlyArray<string> | undefined
  /** Labels that all series have. */
  readonly attributes: { readonly [label: string]: string }
  readonly context: Context.Context<never>
}

const make = (
  { attributes, context, labels = [] }: FamilyOptions,
  create: (attributes: { readonly [label: string]: string }) => Metric.Metric<number, unknown>,
  update: (metric: Metric.Metric<number, unknown>, amount: number, context: Context.Context<never>) => void
): Family => {
  const series = new Map<string, Metric.Metric<number, unknown>>()
  const find = (values: ReadonlyArray<string>): Metric.Metric<number, unknown> => {
    const key = values.length === 1 ? values[0] ?? "" : values.join("\n")
    const known = series.get(key)
    if (known !== undefined) return known
    if (series.size >= MAX_SERIES && !values.every((value) => value === OTHER)) return find(values.map(() => OTHER))
    const all: { [label: string]: string } = { ...attributes }
    labels.forEach((label, i) => {
      all[label] = values[i] ?? OTHER
    })
    const made = create(all)
    // reading a metric registers it
    made.valueUnsafe(context)
    series.set(key, made)
    return made
  }
  return (amount, ...values) => {
    const metric = find(values)
    if (amount !== undefined) update(metric, amount, context)
  }
}

/**
 * Makes a counter: a value that only grows.
 *
 * @category constructors
 * @since 0.1.0
 */
export const counter = (name: string, options: FamilyOptions): Family =>
  make(
    options,
    (attributes) => Metric.counter(name, { description: options.description, incremental: true, attributes }),
    (metric, amount, context) => metric.updateUnsafe(amount, context)
  )

/**
 * Makes a counter that goes up and down: the amount is added. Exported as a gauge.
 *
 * @category constructors
 * @since 0.1.0
 */
export const upDownCounter = (name: string, options: FamilyOptions): Family =>
  make(
    options,
    (attributes) => Metric.gauge(name, { description: options.description, attributes }),
    (metric, amount, context) => metric.modifyUnsafe(amount, context)
  )

/**
 * Makes a gauge: the amount is the present value.
 *
 * @category constructors
 * @since 0.1.0
 */
export const gauge = (name: string, options: FamilyOptions): Family =>
  make(
    options,
    (attributes) => Metric.gauge(name, { description: options.description, attributes }),
    (metric, amount, context) => metric.updateUnsafe(amount, context)
  )

/**
 * Makes a histogram of the amounts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const histogram = (
  name: string,
  options: FamilyOptions & { readonly boundaries: ReadonlyArray<number> }
): Family =>
  make(
    options,
    (attributes) =>
      Metric.histogram(name, { description: options.description, boundaries: options.boundaries, attributes }),
    (metric, amount, context) => metric.updateUnsafe(amount, context)
  )
