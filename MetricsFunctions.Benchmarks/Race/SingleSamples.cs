using System.Text;
using MetricsFunctions.Benchmarks.Compare;
using Snappier;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>
/// Requests of one sample for wrk, no two alike: stores that overwrite a point count them all, and those that know a body again store it.
/// All series take turns, with another time in each turn. <c>single.lua</c> puts them together.
/// </summary>
static class SingleSamples
{
    public const int Series = 10_000;

    const int Turns = 2_000;
    const int PointsOfTurn = 100;

    /// <summary>Loads a contender.</summary>
    /// <param name="protocol">How a request is written.</param>
    /// <param name="root">The address of the contender.</param>
    /// <param name="connections">How many connections to use.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="stop">Stops in the middle.</param>
    public static async Task<Load> SendAsync(ProtocolBody protocol, Uri root, int connections, int seconds, CancellationToken stop)
    {
        var file = Path.GetTempFileName();
        try
        {
            Write(file, protocol, root);
            return await Wrk.RunAsync(new Uri(root, protocol.Path), connections, seconds, "Race/single.lua", [file, $"{PointsOfTurn}"], stop);
        }
        finally
        {
            File.Delete(file);
        }
    }

    static void Write(string file, ProtocolBody protocol, Uri root)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var head = new StringBuilder($"POST {protocol.Path} HTTP/1.1\r\nHost: {root.Authority}\r\nContent-Type: {protocol.MediaType}\r\n");
        head.Append(protocol.Encoding is { } encoding ? $"Content-Encoding: {encoding}\r\n" : "");

        var (before, after) = (new List<byte[]>(), new List<byte[]>());
        var point = protocol.Point!(Value(0), now);
        foreach (var sample in AgentSample.Collect(agent: 0, Series, now))
        {
            var body = protocol.Write([sample with { Value = Value(0) }]);
            body = protocol.Encoding is null ? body : Uncompressed(Snappy.DecompressToArray(body));
            var at = body.AsSpan().IndexOf(point);
            if (at < 0 || at != body.AsSpan().LastIndexOf(point))
            {
                throw new ComparisonException($"A body of {protocol.Name} has value and time elsewhere.");
            }

            before.Add([.. Encoding.ASCII.GetBytes($"{head}Content-Length: {body.Length}\r\n\r\n"), .. body[..at]]);
            after.Add(body[(at + point.Length)..]);
        }

        using var stream = File.Create(file);
        WriteAll(stream, before);
        WriteAll(stream, after);
        WriteAll(stream, [.. Enumerable.Range(0, Turns * PointsOfTurn).Select(i => protocol.Point(Value(i), now + i / PointsOfTurn))]);
    }

    static double Value(int i) => 100 + i * 7919L % 900_000 / 1000.0;

    static void WriteAll(FileStream stream, List<byte[]> texts)
    {
        stream.Write(Encoding.ASCII.GetBytes($"{texts.Count}\n"));
        foreach (var text in texts)
        {
            stream.Write(Encoding.ASCII.GetBytes($"{text.Length}\n"));
            stream.Write(text);
        }
    }

    /// <summary>A block of Snappy that is one literal, in which value and time can be exchanged.</summary>
    static byte[] Uncompressed(byte[] text) => text.Length is > 127 or <= 60
        ? throw new ComparisonException($"A sample takes {text.Length} bytes, and the head of its literal is written otherwise.")
        : [(byte)text.Length, 60 << 2, (byte)(text.Length - 1), .. text];
}
