using System.Text.RegularExpressions;

namespace MetricsFunctions.Tests.Documentation;

/// <summary>The commands of the pages: each line of an <c>sh</c> or <c>sql</c> fence, without the comment behind it.</summary>
static partial class DocumentedCommand
{
    static readonly string[] Folders = ["clickhouse", "demo", "deploy", "docs", "grafana"];

    /// <summary>Every command of every page that is part of the repository.</summary>
    public static IReadOnlyList<(string Page, string Text)> All { get; } = [.. Pages().SelectMany(Read).Distinct()];

    static IEnumerable<string> Pages() => Directory.EnumerateFiles(Repository.Root, "*.md")
        .Concat(Folders.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.md", SearchOption.AllDirectories)))
        .Where(page => !page.Contains("node_modules", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);

    static IEnumerable<(string Page, string Text)> Read(string page) =>
        from Match fence in Fence().Matches(File.ReadAllText(page))
        from line in fence.Groups["text"].Value.Replace("\\\n", "", StringComparison.Ordinal).Split('\n')
        let text = Comment().Replace(line, "").Trim()
        where text.Length > 0
        select (Path.GetRelativePath(Repository.Root, page), text);

    [GeneratedRegex(@"^ *```(sh|bash|shell|console|sql)\n(?<text>.*?)^ *```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"(^|\s+)#\s.*$")]
    private static partial Regex Comment();
}
