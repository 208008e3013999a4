// StringBuilder: characters, strings and numbers appended, inserted, replaced.
using System.Text;

static class Builder
{
    static long Work()
    {
        long sum = 0;
        for (int round = 0; round < 20; round++)
        {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < 3000; i++)
            {
                text.Append((char)('a' + i % 26));
                text.Append("item ").Append(i).Append(';');
            }
            text.Replace("item 1", "thing 1").Insert(0, "list: ");
            text.Length -= 1;
            string result = text.ToString();
            sum += result.Length;
            for (int i = 0; i < result.Length; i += 7) sum = sum * 31 + result[i];
        }
        return sum;
    }

    static int Main() { return Bench.Run("builder", Work); }
}
