using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Rls3.Gym.Unity.Tests")]
