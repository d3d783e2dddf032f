/**
 * Metrics that are told apart by labels: one for each combination of their values, made when it is first needed.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"

/** More combinations than this are somebody's mistake: the rest is counted under `other`. */
const MAX_SERIES = 512
const OTHER = "other"

/**
 * Updates the metric of these label values (in the order of the labels) by an amount; without an amount it is only made
 * sure that it stands in the registry.
 *
 * @category models
 * @since 0.1.0
 */
export type Family = (amount: number | undefined, ...values: ReadonlyArray<string>) => void

/**
 * What makes one metric of a family.
 *
 * @category models
 * @since 0.1.0
 */
export interface FamilyOptions {
  readonly description: string
  /** The labels that differ. */
  readonly labels?: ReadonlyArray<string> | undefined
  /** Labels that all of them have. */
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
    // one that nobody has read or updated is not in the registry yet
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
 * What only grows.
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
 * What goes up and down; the amount is added.
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
 * What goes up and down; the amount is how it is now.
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
 * How large, and how often.
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
