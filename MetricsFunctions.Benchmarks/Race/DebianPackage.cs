using System.Text.RegularExpressions;
using MetricsFunctions.Benchmarks.Compare;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>A package of Debian, unpacked into a folder below the temporary one and not installed, so that the machine stays as it is.</summary>
/// <param name="suite">The suite that has it; the machine's own mirror has them all.</param>
/// <param name="name">Its name.</param>
/// <param name="program">The program in it that is run.</param>
sealed partial class DebianPackage(string suite, string name, string program)
{
    static readonly string Cache = Path.Combine(Path.GetTempPath(), "metrics-functions-race");

    readonly string _folder = Path.Combine(Cache, $"{suite}-{name}");

    /// <summary>The full path of the program.</summary>
    public string Program => Path.Combine(_folder, program);

    /// <summary>The version of what is packed, without Debian's additions to it.</summary>
    public string Version { get; private set; } = "";

    /// <summary>Downloads and unpacks it, unless an earlier run did.</summary>
    /// <exception cref="ComparisonException">It cannot be had, or it cannot run here.</exception>
    public async Task UnpackAsync(CancellationToken stop)
    {
        var version = Path.Combine(_folder, "version");
        if (!File.Exists(version))
        {
            Console.WriteLine($"Downloading {name} of Debian {suite}");
            if (Directory.Exists(_folder))
            {
                Directory.Delete(_folder, recursive: true);
            }

            var (apt, package) = (Folder($"{suite}-apt"), Folder($"{suite}-{name}"));
            var source = Source();
            var sources = Path.Combine(apt, source.StartsWith("deb ", StringComparison.Ordinal) ? "debian.list" : "debian.sources");
            await File.WriteAllTextAsync(sources, source, stop);

            // Lists of its own, since those of the machine are of other suites.
            string[] options =
            [
                "-o", $"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null",
                "-o", $"Dir::State::lists={Folder($"{suite}-apt/lists")}", "-o", $"Dir::Cache={Folder($"{suite}-apt/cache")}",
            ];
            await Command.RunAsync(["apt-get", .. options, "update"], stop);
            await Command.RunAsync(["apt-get", .. options, "download", name], stop, package);
            var archive = Directory.GetFiles(package, "*.deb").Single();
            await Command.RunAsync(["dpkg", "-x", archive, package], stop);
            await File.WriteAllTextAsync(version, await Command.RunAsync(["dpkg-deb", "--field", archive, "Version"], stop), stop);
            File.Delete(archive);
        }

        Version = Upstream().Match(await File.ReadAllTextAsync(version, stop)).Value;

        // It fails for what is not linked with libraries at all.
        var libraries = await Command.TryRunAsync(["ldd", Program], stop);
        if (libraries.Output.Split('\n').FirstOrDefault(line => line.Contains("not found", StringComparison.Ordinal)) is { } missing)
        {
            throw new ComparisonException($"{name} needs a library that is not installed: {missing.Trim()}");
        }
    }

    static string Folder(string name) => Directory.CreateDirectory(Path.Combine(Cache, name)).FullName;

    /// <summary>The machine's own source of packages with another suite, in whichever of apt's two formats it has.</summary>
    string Source()
    {
        var own = File.ReadLines("/etc/os-release").FirstOrDefault(line => line.StartsWith("VERSION_CODENAME=", StringComparison.Ordinal))?.Split('=')[1].Trim('"');
        var files = Directory.Exists("/etc/apt") ? Directory.GetFiles("/etc/apt", "*", new EnumerationOptions { RecurseSubdirectories = true }) : [];

        foreach (var stanza in files.Where(file => file.EndsWith(".sources", StringComparison.Ordinal)).SelectMany(file => File.ReadAllText(file).Split("\n\n")))
        {
            var lines = stanza.Split('\n').Where(line => !line.StartsWith('#') && line.Length > 0).ToList();
            if (lines.Any(line => line.StartsWith("Suites:", StringComparison.Ordinal) && line.Split(' ').Contains(own)))
            {
                return string.Join('\n', lines.Where(line => !OfSuite().IsMatch(line)).Append($"Types: deb\nSuites: {suite}\nComponents: main\n"));
            }
        }

        foreach (var line in files.Where(file => file.EndsWith(".list", StringComparison.Ordinal)).SelectMany(File.ReadLines))
        {
            if (OneLine().Match(line) is { Success: true, Groups: var groups } && groups["suite"].Value == own)
            {
                return $"{groups["begin"].Value}{suite} main\n";
            }
        }

        throw new ComparisonException("apt's sources name no mirror of the machine's own release, which would have the package.");
    }

    [GeneratedRegex(@"^[^-+~]*")]
    private static partial Regex Upstream();

    [GeneratedRegex("^(Types|Suites|Components):")]
    private static partial Regex OfSuite();

    [GeneratedRegex(@"^(?<begin>deb\s+(\[[^\]]*\]\s+)?\S+\s+)(?<suite>\S+)\s")]
    private static partial Regex OneLine();
}
