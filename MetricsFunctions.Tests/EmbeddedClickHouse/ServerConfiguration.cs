namespace MetricsFunctions.Tests.EmbeddedClickHouse;

/// <summary>The configuration of the embedded server, for tests that need another one.</summary>
static class ServerConfiguration
{
    /// <summary>A copy of its files, with an empty folder <c>users.d</c> for more.</summary>
    public static TemporaryFolder Copy()
    {
        var copy = new TemporaryFolder();
        Directory.CreateDirectory(Path.Combine(copy.Path, "users.d"));
        foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "server")))
        {
            File.Copy(file, Path.Combine(copy.Path, Path.GetFileName(file)));
        }

        return copy;
    }
}
