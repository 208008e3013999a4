// The harness that is compiled with each program of programs/: measures an iteration so that neither start-up nor
// compilation counts, and prints
//
//   NAME CHECKSUM
//   wall BEST MEDIAN COUNT          nanoseconds of the best and of the median iteration, number of iterations measured
//   processor BEST MEDIAN COUNT     the same in processor time of all threads, which other load on the machine changes less
//
// With BENCH_CHECK in the environment it does one iteration and prints the first line only.
//
// A program's Main is one call of Run. Every iteration does the same work and returns the same checksum, which all
// machines must agree on; a checksum that changes ends the program with exit code 1.

using System;
using System.Runtime.InteropServices;

// One iteration: does the work and returns its checksum.
delegate long Work();

static class Clock
{
    struct Time { public long Seconds, Nanoseconds; }

    [DllImport("libc.so.6")] static extern int clock_gettime(int clock, out Time time);

    const int Monotonic = 1, Process = 2;

    static long Read(int clock)
    {
        Time time;
        clock_gettime(clock, out time);
        return time.Seconds * 1000000000 + time.Nanoseconds;
    }

    public static long Wall() { return Read(Monotonic); }
    public static long Processor() { return Read(Process); }
}

static class Bench
{
    const long Millisecond = 1000000;

    // Warm-up: long enough for tiers that compile in the background.
    const int WarmUpIterations = 5;
    const long WarmUp = 250 * Millisecond;

    const int Iterations = 10;
    const long Enough = 400 * Millisecond;
    // A slow machine measures fewer.
    const int FewestIterations = 3;
    const long Limit = 4000 * Millisecond;

    const int Room = 100000;

    public static int Run(string name, Work work)
    {
        long checksum = work();
        if (Environment.GetEnvironmentVariable("BENCH_CHECK") != null)
        {
            Console.WriteLine(name + " " + checksum);
            return 0;
        }

        long begin = Clock.Wall();
        for (int n = 1; n < Room; n++)
        {
            long spent = Clock.Wall() - begin;
            if (n >= WarmUpIterations && spent >= WarmUp || n >= FewestIterations && spent >= Limit) break;
            if (!Check(name, checksum, work())) return 1;
        }

        long[] wall = new long[Room], processor = new long[Room];
        int count = 0;
        begin = Clock.Wall();
        while (count < Room)
        {
            long startProcessor = Clock.Processor(), start = Clock.Wall();
            long spent = start - begin;
            if (count >= Iterations && spent >= Enough || count >= FewestIterations && spent >= Limit) break;
            long found = work();
            wall[count] = Clock.Wall() - start;
            processor[count] = Clock.Processor() - startProcessor;
            count++;
            if (!Check(name, checksum, found)) return 1;
        }

        Console.WriteLine(name + " " + checksum);
        Report("wall", wall, count);
        Report("processor", processor, count);
        return 0;
    }

    static void Report(string clock, long[] times, int count)
    {
        Sort(times, count);
        Console.WriteLine(clock + " " + times[0] + " " + times[count / 2] + " " + count);
    }

    static bool Check(string name, long expected, long found)
    {
        if (found == expected) return true;
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
