using System.Diagnostics;

namespace MetricsFunctions.Tests;

/// <summary>Waits for a condition, with a bound so generous that only a real fault reaches it.</summary>
static class Wait
{
    static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    public static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(watch.Elapsed < Longest, $"Still not so after {Longest.TotalSeconds} s");
            await Task.Delay(20);
        }
    }
}
