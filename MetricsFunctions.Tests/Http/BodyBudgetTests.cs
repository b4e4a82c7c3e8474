using System.Globalization;
using System.Net;
using System.Text;
using MetricsFunctions.Tests.Abuse;

namespace MetricsFunctions.Tests.Http;

/// <summary>Bodies that are being read have a bound together.</summary>
public sealed class BodyBudgetTests(BodyBudgetTests.SmallBudget host) : IClassFixture<BodyBudgetTests.SmallBudget>
{
    const int Budget = 1024 * 1024;

    static readonly byte[] Body = Encoding.ASCII.GetBytes(""" {"metric_name": "large", "metric_value": 1}""".PadRight(Budget * 2 / 3));

    /// <summary>A host where little may be read at a time.</summary>
    public sealed class SmallBudget : IngestionHost
    {
        protected override Dictionary<string, string?> Settings { get; } = new()
        {
            ["Ingestion:AllowAnonymous"] = "true",
            ["Ingestion:MaxPendingBytes"] = Budget.ToString(CultureInfo.InvariantCulture),
        };
    }

    [Fact]
    public async Task Of_two_bodies_that_are_too_much_together_one_is_a_503_and_the_other_is_stored()
    {
        // When both meet the bound in the same moment, both are refused: then again.
        await Wait.UntilAsync(async () =>
        {
            using var one = await BeginAsync();
            using var other = await BeginAsync();
            await Wait.UntilAsync(() => Task.FromResult(one.IsAnswered || other.IsAnswered));
            await EndAsync(one);
            await EndAsync(other);
            int[] statuses = [await one.AnswerAsync(), await other.AnswerAsync()];
            Assert.Contains(503, statuses);
            Assert.Contains("the bodies that are being read", one.Status == 503 ? one.Answer : other.Answer, StringComparison.Ordinal);
            return statuses.Contains(200);
        });
    }

    async Task<RawConnection> BeginAsync()
    {
        var connection = await RawConnection.OpenAsync(IPEndPoint.Parse(host.Http.BaseAddress!.Authority));
        await connection.TrySendAsync(RawConnection.Head($"Content-Length: {Body.Length}\r\n"), CancellationToken.None);
        await connection.TrySendAsync(Body.AsMemory(1), CancellationToken.None);
        return connection;
    }

    static async Task EndAsync(RawConnection connection) => await connection.TrySendAsync(Body.AsMemory(0, 1), CancellationToken.None);
}
