/**
 * What is wrong with a model's folder, in a sentence for the person who configured it.
 *
 * Plain code without Effect, as all checks of models: they run in the process that loads the model, and in `check`.
 *
 * @since 0.1.0
 */

/**
 * Thrown by the checks of a model.
 *
 * @category errors
 * @since 0.1.0
 */
export class ModelFault extends Error {
  override readonly name = "ModelFault"
}
