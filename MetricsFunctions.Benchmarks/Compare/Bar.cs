namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>A promise about the service, and what became of it.</summary>
/// <param name="What">The measure.</param>
/// <param name="Service">Its value for the service, as text.</param>
/// <param name="Against">What the service is compared with, and its value, as text.</param>
/// <param name="Found">The ratio of the two, or the value itself where nothing is compared.</param>
/// <param name="Limit">The bar.</param>
/// <param name="Aim">Where the service wants to be; beyond the bar, so it also tells which way is better.</param>
sealed record Bar(string What, string Service, string Against, double Found, double Limit, double Aim)
{
    /// <summary>The head of a table of bars.</summary>
    public const string Head = """
        | measure | the service | against | ratio | bar | aim | |
        |---|--:|---|--:|--:|--:|---|
        """;

    /// <summary>Whether it is kept.</summary>
    public bool IsMet => Reaches(Limit);

    bool MoreIsBetter => Aim > Limit;

    string Sign => MoreIsBetter ? "≥" : "≤";

    /// <summary>The row of a table.</summary>
    public override string ToString() =>
        $"| {What} | {Service} | {Against} | {Found:0.##} | {Sign} {Limit} | {Sign} {Aim} | {(Reaches(Aim) ? "aim reached" : IsMet ? "bar met" : "**BAR MISSED**")} |";

    bool Reaches(double line) => MoreIsBetter ? Found >= line : Found <= line;
}
