/** Loads the applications that it is given, and reports what is wrong with each as every command does; a form feed ends a report. */
import { Effect } from "effect"
import * as AppModule from "../../../src/cli/app/AppModule.ts"
import * as Output from "../../../src/cli/Output.ts"

for (const file of process.argv.slice(2)) {
  await Effect.runPromise(
    AppModule.load(file).pipe(Effect.scoped, Effect.flip, Effect.flatMap(Output.failure))
  )
  process.stderr.write("\f")
}
