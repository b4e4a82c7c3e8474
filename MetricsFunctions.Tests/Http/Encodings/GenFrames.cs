namespace MetricsFunctions.Tests.Http.Encodings;

/// <summary>What LZ4 and Zstandard have in common.</summary>
static class GenFrames
{
    /// <summary>Writes a frame that is to be skipped, in which fields are wrong now and then.</summary>
    public static byte[] Skippable(uint magic, Random random)
    {
        var skipped = random.Bytes(random.Next(20));
        var length = (uint)skipped.Length;
        return [.. BitConverter.GetBytes(magic + (uint)random.Next(16)), .. BitConverter.GetBytes(random.Mostly(length, 0U, length + 1, uint.MaxValue)), .. skipped];
    }
}
