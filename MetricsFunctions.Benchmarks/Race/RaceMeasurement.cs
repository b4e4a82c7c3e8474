using MetricsFunctions.Benchmarks.Compare;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>How a contender is loaded.</summary>
/// <param name="Protocol">What it is sent.</param>
/// <param name="Connections">Over how many connections.</param>
/// <param name="Samples">How many samples a request has.</param>
sealed record Heat(ProtocolBody Protocol, int Connections, int Samples);

/// <summary>One load of one contender.</summary>
/// <param name="Racer">Who was loaded.</param>
/// <param name="Heat">How.</param>
/// <param name="RequestsPerSecond">Requests that were answered with success, a second.</param>
/// <param name="Processor">Microseconds of processor time a stored sample, until it was at rest again.</param>
/// <param name="DatabaseProcessor">Those of them that its database took, where that is another process.</param>
/// <param name="PeakMemory">The most memory that was read meanwhile, in bytes.</param>
sealed record RaceMeasurement(Racer Racer, Heat Heat, double RequestsPerSecond, double Processor, double DatabaseProcessor, long PeakMemory)
{
    public double SamplesPerSecond => RequestsPerSecond * Heat.Samples;
}
