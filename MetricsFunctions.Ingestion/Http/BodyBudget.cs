namespace MetricsFunctions.Ingestion.Http;

/// <summary>Bounds what all bodies that are being read may take together, so that many large ones at once do not exhaust the memory.</summary>
/// <param name="maxBytes">How much; one larger body is taken when no other is being read.</param>
sealed class BodyBudget(long maxBytes)
{
    readonly long _maxBytes = maxBytes;
    long _taken;

    /// <summary>Begins a body.</summary>
    public Room Open() => new(this);

    /// <summary>What one body takes, until it is read. Not safe for use by several threads at once.</summary>
    public sealed class Room(BodyBudget budget) : IDisposable
    {
        long _held;

        /// <summary>Takes more; <see langword="false"/> when there is no more.</summary>
        public bool TryTake(int bytes)
        {
            _held += bytes;
            var taken = Interlocked.Add(ref budget._taken, bytes);
            return taken <= budget._maxBytes || taken == _held;
        }

        public void Dispose() => Interlocked.Add(ref budget._taken, -_held);
    }
}
