using MetricsFunctions.Ingestion;
using NetArchTest.Rules;

namespace MetricsFunctions.Tests;

/// <summary>Dependencies point one way: what each folder of Ingestion may know of the others.</summary>
public sealed class ArchitectureTests
{
    const string Root = "MetricsFunctions.Ingestion";

    static readonly Dictionary<string, string[]> Rooms = new()
    {
        ["Memory"] = [],
        ["Samples"] = ["Memory"],
        ["Formats"] = ["Samples", "Memory"],
        ["Telemetry"] = ["Samples"],
        ["Storage"] = ["Samples", "Memory", "Telemetry"],
        ["Http"] = ["Formats", "Samples", "Storage", "Memory", "Telemetry"],
    };

    static readonly string[] Languages = ["Metrics", "InfluxLine", "Otlp", "PrometheusRemoteWrite"];

    // What languages are written in.
    static readonly string[] Encodings = ["Json", "Protobuf"];

    static readonly string[] Formats = [.. Languages, .. Encodings];

    public static TheoryData<string> AllRooms { get; } = [.. Rooms.Keys];

    public static TheoryData<string> AllFormats { get; } = [.. Formats];

    [Theory]
    [MemberData(nameof(AllRooms))]
    public void A_room_knows_only_those_below_it(string room) => AssertNoneKnown(room, Rooms.Keys.Except([room, .. Rooms[room]]));

    [Theory]
    [MemberData(nameof(AllFormats))]
    public void A_language_knows_no_other_and_an_encoding_knows_none(string format) =>
        AssertNoneKnown($"Formats.{format}", Formats.Except([format, .. Languages.Contains(format) ? Encodings : []]).Select(other => $"Formats.{other}"));

    [Fact]
    public void Every_folder_is_one_of_them()
    {
        string[] known = ["", .. Rooms.Keys.Select(room => $".{room}"), .. Formats.Select(format => $".Formats.{format}")];
        var there = typeof(IngestionOptions).Assembly.GetTypes()
            .Where(type => type.Namespace?.StartsWith(Root, StringComparison.Ordinal) == true)
            .Select(type => type.Namespace![Root.Length..])
            .Distinct();
        Assert.Equal(known.Order(), there.Order());
    }

    [Fact]
    public void Public_is_what_a_host_needs() => Assert.Equal(
        ["ClickHouseOptions", "IngestionOptions", "IngestionServices", "LogEvents", "Paths", "Schema", "TelemetryExport"],
        typeof(IngestionOptions).Assembly.GetExportedTypes().Select(type => type.Name).Order(StringComparer.Ordinal));

    static void AssertNoneKnown(string room, IEnumerable<string> others)
    {
        var types = Types.InAssembly(typeof(IngestionOptions).Assembly).That().ResideInNamespace($"{Root}.{room}");
        Assert.NotEmpty(types.GetTypes());
        var result = types.ShouldNot().HaveDependencyOnAny([.. others.Select(other => $"{Root}.{other}")]).GetResult();
        Assert.True(result.IsSuccessful, string.Join('\n', result.FailingTypes.Select(type => $"{type.FullName}: {type.Explanation}")));
    }
}
