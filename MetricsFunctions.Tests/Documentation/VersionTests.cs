using System.Text.RegularExpressions;
using MetricsFunctions.Ingestion.Telemetry;

namespace MetricsFunctions.Tests.Documentation;

/// <summary>Wherever the version stands, it is that of Directory.Build.props, which the programs have.</summary>
public sealed class VersionTests
{
    [Theory]
    [InlineData("Dockerfile", @"image\.version=""([^""]+)""")]
    [InlineData("MetricsFunctions.Ingestion/Http/openapi.json", @"(?s)""info"".*?""version"": ""([^""]+)""")]
    [InlineData("deploy/azure/main.bicep", @"'metrics-functions:([^']+)'")]
    [InlineData("deploy/kubernetes/kustomization.yaml", @"newTag: (\S+)")]
    [InlineData("docs/deploy.md", @"metrics-functions[a-z-]*[:-](\d+\.\d+\.\d+)")]
    public void It_is_the_same_everywhere(string file, string pattern)
    {
        var places = Regex.Matches(File.ReadAllText(Path.Combine(Repository.Root, file)), pattern);
        Assert.NotEmpty(places);
        Assert.All(places, place => Assert.Equal(IngestionTelemetry.Version, place.Groups[1].Value));
    }
}
