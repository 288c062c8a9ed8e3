using Rls3.Gym.StubCheck;

// StubCheck STUBS VERIFIED                              compares the stubs with the committed list
// StubCheck STUBS VERIFIED DATE VERSION=DIR…            compares them with real assemblies and writes the list
if (args.Length is not 2 and < 4)
{
    Console.Error.WriteLine("StubCheck STUBS VERIFIED [DATE VERSION=DIR…]: folder of the stubs' DLLs, the list, and where real UnityEngine.dll and UnityEditor.dll lie");
    return 2;
}
var stubs = Signatures.Of(Dlls(args[0]), false);
return args.Length == 2 ? Hold(stubs, args[1]) : Compare(stubs, args[1], args[2], args[3..]);

static string[] Dlls(string folder) => [.. new[] { "UnityEngine.dll", "UnityEditor.dll" }.Select(name => Path.Combine(Path.GetFullPath(folder), name))];

static int Hold(SortedSet<string> stubs, string verified)
{
    var known = File.ReadLines(verified).Where(line => !line.StartsWith('#')).ToHashSet();
    var unknown = stubs.Where(line => !known.Contains(line)).ToArray();
    foreach (var line in unknown)
    {
        Console.WriteLine($"not in the verified list: {line}");
    }
    Console.WriteLine($"{stubs.Count - unknown.Length} of {stubs.Count} members of the stubs are in the list of {verified}");
    return unknown.Length == 0 ? 0 : 1;
}

static int Compare(SortedSet<string> stubs, string verified, string date, string[] engines)
{
    var missing = 0;
    var head = new List<string> { "# The members of the stubs, each found in UnityEngine.dll or UnityEditor.dll of every Unity named here." };
    foreach (var engine in engines)
    {
        var (version, folder) = (engine[..engine.IndexOf('=')], engine[(engine.IndexOf('=') + 1)..]);
        var real = Signatures.Of([.. Directory.GetFiles(Path.GetFullPath(folder), "*.dll", SearchOption.AllDirectories)], true);
        var absent = stubs.Where(line => !real.Contains(line)).ToArray();
        foreach (var line in absent)
        {
            Console.WriteLine($"Unity {version} has no {line}");
        }
        missing += absent.Length;
        head.Add($"# {date}: Unity {version}, {stubs.Count - absent.Length} of {stubs.Count}");
    }
    if (missing == 0)
    {
        File.WriteAllLines(verified, [.. head, .. stubs]);
    }
    Console.WriteLine(missing == 0 ? $"wrote {verified}" : $"{missing} members are missing: the list stays as it was");
    return missing == 0 ? 0 : 1;
}
