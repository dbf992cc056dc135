import { Schema } from "effect"

/** One thing that is wrong with the configuration. */
export const ConfigurationProblem = Schema.Struct({
  /** The environment variable that it is about. */
  variable: Schema.String,
  /** What is wrong and what to do, for a person; never the value. */
  problem: Schema.String
})

/** The service can't start as it is configured. Names every problem at once, so nobody fixes them one start at a time. */
export class ConfigurationInvalid extends Schema.TaggedError<ConfigurationInvalid>()("ConfigurationInvalid", {
  problems: Schema.Array(ConfigurationProblem)
}) {
  override get message() {
    return this.problems.map(({ variable, problem }) => `${variable} ${problem}`).join("\n")
  }
}
