// The harness that is compiled with each program of programs/: measures an iteration so that neither start-up nor
// compilation counts, and prints
//
//   NAME CHECKSUM
//   time BEST MEDIAN COUNT      nanoseconds of the best and of the median iteration, number of iterations measured
//
// A program's Main is one call of Run. Every iteration does the same work and returns the same checksum, which all
// machines must agree on; a checksum that changes ends the program with exit code 1.

using System;
using System.Diagnostics;

// One iteration: does the work and returns its checksum.
delegate long Work();

static class Bench
{
    // Warm-up: long enough for tiers that compile in the background.
    const int WarmUpIterations = 5;
    const long WarmUpMilliseconds = 250;

    const int Iterations = 10;
    const long Milliseconds = 400;
    // A slow machine measures fewer.
    const long LimitMilliseconds = 4000;
    const int FewestIterations = 3;

    const int Room = 100000;

    public static int Run(string name, Work work)
    {
        long ticksPerMillisecond = Stopwatch.Frequency / 1000;
        long checksum = work();

        long begin = Stopwatch.GetTimestamp();
        for (int n = 1; n < Room; n++)
        {
            long spent = (Stopwatch.GetTimestamp() - begin) / ticksPerMillisecond;
            if (n >= WarmUpIterations && spent >= WarmUpMilliseconds || n >= FewestIterations && spent >= LimitMilliseconds)
                break;
            if (!Check(name, checksum, work()))
                return 1;
        }

        long[] times = new long[Room];
        int count = 0;
        begin = Stopwatch.GetTimestamp();
        while (count < Room)
        {
            long start = Stopwatch.GetTimestamp();
            long spent = (start - begin) / ticksPerMillisecond;
            if (count >= Iterations && spent >= Milliseconds || count >= FewestIterations && spent >= LimitMilliseconds)
                break;
            long found = work();
            times[count++] = Stopwatch.GetTimestamp() - start;
            if (!Check(name, checksum, found))
                return 1;
        }

        Sort(times, count);
        double nanoseconds = 1e9 / Stopwatch.Frequency;
        Console.WriteLine(name + " " + checksum);
        Console.WriteLine("time " + (long)(times[0] * nanoseconds) + " " + (long)(times[count / 2] * nanoseconds) + " " + count);
        return 0;
    }

    static bool Check(string name, long expected, long found)
    {
        if (found == expected)
            return true;
        Console.WriteLine(name + ": an iteration gave " + found + ", the first one " + expected);
        return false;
    }

    // Shell sort: the harness needs no sorting of the class library.
    static void Sort(long[] a, int count)
    {
        for (int gap = count / 2; gap > 0; gap /= 2)
        {
            for (int i = gap; i < count; i++)
            {
                long x = a[i];
                int j = i;
                for (; j >= gap && a[j - gap] > x; j -= gap)
                    a[j] = a[j - gap];
                a[j] = x;
            }
        }
    }
}

// Pseudo-random numbers that are the same on every machine (xorshift).
struct Dice
{
    uint state;

    public Dice(uint seed) { state = seed; }

    public uint Next()
    {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        return state;
    }

    // 0 to limit - 1.
    public int Below(int limit) { return (int)(Next() % (uint)limit); }

    // 0 to 1, exclusive.
    public double Fraction() { return Next() / 4294967296.0; }
}
