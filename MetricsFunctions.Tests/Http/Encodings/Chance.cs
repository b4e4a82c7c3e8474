using System.Runtime.InteropServices;

namespace MetricsFunctions.Tests.Http.Encodings;

/// <summary>What fields are filled with: mostly as it should be, and now and then otherwise.</summary>
static class Chance
{
    const int Rarely = 60;

    public static bool OneIn(this Random random, int count) => random.Next(count) == 0;

    /// <summary>Answers what should be, and now and then one of the others.</summary>
    public static T Mostly<T>(this Random random, T usual, T other, params ReadOnlySpan<T> more) =>
        !random.OneIn(Rarely) ? usual : random.Next(1 + more.Length) is var choice and > 0 ? more[choice - 1] : other;

    public static byte[] Bytes(this Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>Cuts a body into parts, some of them perhaps empty.</summary>
    public static byte[][] Parts(this Random random, byte[] body, int mostParts, int mostBytes = int.MaxValue)
    {
        var parts = new List<byte[]>();
        var begin = 0;
        do
        {
            var rest = body.Length - begin;
            var length = parts.Count + 1 >= mostParts ? rest : random.Next(rest + 1);
            parts.Add(body[begin..(begin += Math.Min(length, mostBytes))]);
        }
        while (begin < body.Length);
        return [.. parts];
    }

    /// <summary>Answers all of a stream, and now and then its beginning.</summary>
    public static byte[] Mostly(this Random random, List<byte> stream) =>
        random.OneIn(Rarely) ? [.. CollectionsMarshal.AsSpan(stream)[..^Math.Min(random.Next(1, 9), stream.Count)]] : [.. stream];

    /// <summary>Changes some bytes, every other time near the beginning, which decides what the rest means.</summary>
    public static byte[] Damage(this Random random, byte[] bytes)
    {
        for (var changes = bytes.Length == 0 ? 0 : random.Next(1, 4); changes > 0; changes--)
        {
            bytes[random.Next(random.OneIn(2) ? Math.Min(8, bytes.Length) : bytes.Length)] = (byte)random.Next(256);
        }

        return bytes;
    }
}
