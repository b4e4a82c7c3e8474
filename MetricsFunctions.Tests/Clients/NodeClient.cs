using System.Diagnostics;

namespace MetricsFunctions.Tests.Clients;

/// <summary>A program of this folder, on Node.js, with what others publish on npm to send metrics.</summary>
static class NodeClient
{
    static readonly string Folder = Path.Combine(Repository.Root, "MetricsFunctions.Tests", "Clients");

    /// <summary>Starts it, or skips the test where its packages are not installed.</summary>
    public static ClientProcess Start(string[] arguments, params (string Name, string Value)[] environment)
    {
        Assert.SkipUnless(Directory.Exists(Path.Combine(Folder, "node_modules")), "The clients are not installed: run npm ci in MetricsFunctions.Tests/Clients.");
        ClientProcess.SkipUnlessInstalled("node", "https://nodejs.org");
        var start = new ProcessStartInfo("node", arguments) { WorkingDirectory = Folder };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return new ClientProcess(start);
    }
}
