// Numbers to strings: ToString, string.Format, hexadecimal, fixed point.
using System.Globalization;

static class Format
{
    static long Work()
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        long sum = 0;
        for (int i = 0; i < 4000; i++)
        {
            sum += i.ToString().Length + (i * 1234567L).ToString(culture).Length;
            sum += i.ToString("x8", culture)[7] + (i * 0.25).ToString(culture).Length;
            string line = string.Format(culture, "{0,6}: {1} = {2:F2} {3:N0}", i, "value", i / 7.0, i * 1000);
            sum = sum * 3 + line.Length + line[line.Length - 1];
        }
        return sum;
    }

    static int Main() { return Bench.Run("format", Work); }
}
