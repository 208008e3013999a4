// Numbers from strings: by hand and by the class library.
using System;
using System.Globalization;

static class Parse
{
    static readonly string[] lines = Make();

    static string[] Make()
    {
        Dice dice = new Dice(61);
        string[] made = new string[1000];
        for (int i = 0; i < made.Length; i++)
            made[i] = dice.Below(100000) + "," + -dice.Below(1000) + "," + dice.Below(100) + "." + (10 + dice.Below(90)) + ",true";
        return made;
    }

    static int Number(string text, ref int at)
    {
        bool negative = text[at] == '-';
        if (negative) at++;
        int n = 0;
        for (; at < text.Length && text[at] >= '0' && text[at] <= '9'; at++) n = n * 10 + text[at] - '0';
        return negative ? -n : n;
    }

    static long Work()
    {
        long sum = 0;
        for (int round = 0; round < 12; round++)
        {
            foreach (string line in lines)
            {
                int at = 0;
                sum += Number(line, ref at);
                at++;
                sum += Number(line, ref at);
                string[] parts = line.Split(',');
                int whole;
                if (int.TryParse(parts[0], out whole)) sum += whole;
                sum += int.Parse(parts[1], CultureInfo.InvariantCulture);
                sum += (long)(double.Parse(parts[2], CultureInfo.InvariantCulture) * 100 + 0.5);
                if (bool.Parse(parts[3])) sum++;
            }
        }
        return sum;
    }

    static int Main() { return Bench.Run("parse", Work); }
}
