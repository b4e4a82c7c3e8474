using System.Reflection;
using System.Text.RegularExpressions;
using MetricsFunctions.Ingestion;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Standalone;
using Microsoft.Extensions.Configuration;

namespace MetricsFunctions.Tests.Documentation;

/// <summary>docs/configuration.md has every setting of the options, with the default that the code has, and no other.</summary>
public sealed partial class ConfigurationTests
{
    static readonly (string Section, object Options)[] Sections =
    [
        (IngestionOptions.Section, new IngestionOptions()),
        (ClickHouseOptions.Name, new ClickHouseOptions()),
        (EmbeddedClickHouseOptions.Section, new EmbeddedClickHouseOptions()),
    ];

    [Fact]
    public void Every_setting_is_there_with_its_default()
    {
        var settings = Sections
            .SelectMany(section => section.Options.GetType().GetProperties(), (section, property) => (section, property))

            // It has a section of .NET's own.
            .Where(setting => setting.property.Name != nameof(ClickHouseOptions.ConnectionString))
            .Select(setting => $"{setting.section.Section}:{setting.property.Name} {Text(setting.property, setting.section.Options)}");
        var documented = Row().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "configuration.md")))
            .Where(row => Sections.Any(section => section.Section == row.Groups["section"].Value))
            .Select(row => $"{row.Groups["section"].Value}:{row.Groups["name"].Value} {row.Groups["default"].Value}");
        Assert.Equal(settings.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    static string Text(PropertyInfo property, object options) => property.GetValue(options) switch
    {
        null when property.PropertyType == typeof(IConfigurationSection) => "none",
        bool value => value ? "true" : "false",
        var value => $"{value}",
    };

    [GeneratedRegex(@"^\| `(?<section>\w+):(?<name>\w+)` \| `?(?<default>[^`|; ]+)`?", RegexOptions.Multiline)]
    private static partial Regex Row();
}
