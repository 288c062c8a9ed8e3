using Rls3.Gym.Core;
using Xunit;

namespace Rls3.Gym.Tests;

public class RandomTests
{
    [Fact]
    public void Draws_the_numbers_of_the_vectors()
    {
        var vectors = Repository.Json("protocol", "vectors", "random.json").Items;
        Assert.NotEmpty(vectors);
        foreach (var vector in vectors)
        {
            Assert.True(vector.Get("seed")!.IsInteger(out var seed));
            var random = new Xoshiro128(seed);
            Assert.Equal(Numbers(vector.Get("uint32")!), Draw(8, () => random.NextUInt32()));
            foreach (var below in vector.Get("below")!.Items)
            {
                var fresh = new Xoshiro128(seed);
                Assert.Equal(Numbers(below.Get("values")!), Draw(8, () => fresh.Below((int)below.Get("n")!.Number)));
            }
            var order = new int[vector.Get("permutation")!.Items.Count];
            new Xoshiro128(seed).Permute(order);
            Assert.Equal(Numbers(vector.Get("permutation")!), order.Select(value => (double)value));
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(9007199254740992)]
    public void Refuses_a_seed_that_a_double_would_round(long seed)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Xoshiro128(seed));
    }

    private static IEnumerable<double> Numbers(WireValue array) => array.Items.Select(item => item.Number);

    private static IEnumerable<double> Draw(int count, Func<double> draw) => Enumerable.Range(0, count).Select(_ => draw()).ToArray();
}
