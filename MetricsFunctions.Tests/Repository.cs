namespace MetricsFunctions.Tests;

/// <summary>The checkout that the tests run in.</summary>
static class Repository
{
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    static string Find(string folder) =>
        File.Exists(Path.Combine(folder, "MetricsFunctions.sln")) ? folder : Find(Path.GetDirectoryName(folder)!);
}
