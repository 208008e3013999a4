// Dynamic programming over strings: edit distances.
using System;

static class Distance
{
    static readonly string[] words = Make();

    static string[] Make()
    {
        Dice dice = new Dice(81);
        string[] made = new string[24];
        for (int i = 0; i < made.Length; i++)
        {
            char[] letters = new char[40 + dice.Below(20)];
            for (int j = 0; j < letters.Length; j++) letters[j] = (char)('a' + dice.Below(6));
            made[i] = new string(letters);
        }
        return made;
    }

    static int Edit(string a, string b)
    {
        int[] above = new int[b.Length + 1], row = new int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++) above[j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int cost = a[i - 1] == b[j - 1] ? 0 : 1;
                row[j] = Math.Min(Math.Min(row[j - 1], above[j]) + 1, above[j - 1] + cost);
            }
            int[] t = above;
            above = row;
            row = t;
        }
        return above[b.Length];
    }

    static long Work()
    {
        long sum = 0;
        foreach (string a in words)
            foreach (string b in words)
                sum = sum * 3 + Edit(a, b);
        return sum;
    }

    static int Main() { return Bench.Run("distance", Work); }
}
