namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>The programs of the comparison that are not ours, from Debian's (and Ubuntu's) packages.</summary>
static class DebianPackages
{
    /// <summary>Debian's Python, which sees Debian's packages; the first on the PATH may be another.</summary>
    public const string Python = "/usr/bin/python3";

    static readonly (string Package, string[] Test)[] Needed =
    [
        ("wrk", ["which", "wrk"]),
        ("python3-flask", [Python, "-c", "import flask"]),
        ("python3-clickhouse-driver", [Python, "-c", "import clickhouse_driver"]),
        ("gunicorn", [Python, "-c", "import gunicorn"]),
    ];

    /// <summary>Installs what is missing when this user may, and otherwise says how.</summary>
    /// <exception cref="ComparisonException">Something is still missing.</exception>
    public static async Task RequireAsync(CancellationToken cancellationToken)
    {
        var missing = await MissingAsync(cancellationToken);
        if (missing.Length > 0 && Environment.IsPrivilegedProcess && await SucceedsAsync(["which", "apt-get"], cancellationToken))
        {
            Console.WriteLine($"Installing {string.Join(", ", missing)}");
            await SucceedsAsync(["apt-get", "update", "-qq"], cancellationToken);
            await SucceedsAsync(["apt-get", "install", "-y", "-qq", "--no-install-recommends", .. missing], cancellationToken);
            missing = await MissingAsync(cancellationToken);
        }

        if (missing.Length > 0)
        {
            throw new ComparisonException($"Not installed: {string.Join(", ", missing)}. Run: sudo apt-get install {string.Join(' ', missing)}");
        }
    }

    static async Task<string[]> MissingAsync(CancellationToken cancellationToken)
    {
        var missing = new List<string>();
        foreach (var (package, test) in Needed)
        {
            if (!await SucceedsAsync(test, cancellationToken))
            {
                missing.Add(package);
            }
        }

        return [.. missing];
    }

    static async Task<bool> SucceedsAsync(string[] command, CancellationToken cancellationToken) =>
        (await Command.TryRunAsync(command, cancellationToken)).Succeeded;
}
