/**
 * @file The player of the package's Engine code on the stand-in for Unity's engine, as a program to build and start.
 */
import { dotnetProgram } from "../../trainer/environments/dotnet-host.js";

export const standInProgram = dotnetProgram("the stand-in player", "unity/Player", "rls3-gym-stand-in", [
  "unity/UnityEngine",
  "unity/UnityEditor",
  "unity/Engine",
  "../Packages/com.rls3.gym/Editor",
  "../Packages/com.rls3.gym/Samples~",
]);
